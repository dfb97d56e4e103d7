import { describe, expect, it } from "vitest";
import { cutParagraphs, sectionsOf } from "@/instruments/paragraphs";
import { record, syntheticTokens } from "../../fixtures/synthetic";

const cut = (...texts: string[]) => texts.map((text) => record({ text }));
/** What each paragraph shows, and whether as code. */
const shown = (tokens: ReturnType<typeof cut>) =>
  cutParagraphs(tokens).map(({ start, end, skip, keep, code }) => {
    const texts = tokens.slice(start, end).map(({ text }) => text);
    const last = texts.length - 1;
    if (keep !== undefined) texts[last] = (texts[last] as string).slice(0, keep);
    if (texts.length > 0) texts[0] = (texts[0] as string).slice(skip);
    return [texts.join(""), code];
  });
const ranges = (tokens: ReturnType<typeof cut>) =>
  cutParagraphs(tokens).map(({ start, end }) => [start, end]);

describe("cutParagraphs", () => {
  it("ends a paragraph after a token that ends with a newline, and only there", () => {
    expect(ranges(cut("a", "b\n", "\n", "c\nd", "e"))).toEqual([
      [0, 2],
      [2, 3],
      [3, 5],
    ]);
    expect(ranges(cut("a", "\n"))).toEqual([[0, 2]]);
    expect(ranges([])).toEqual([]);
  });
  it("knows code by its fences, two fenced blocks in a row included", () => {
    const tokens = cut("text\n", "```", "py\n", "x\n", "```\n", "```\n", "y\n", "```\n", "end");
    expect(cutParagraphs(tokens).map(({ code }) => code)).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
  });
  it("knows a fence that begins in the middle of a token, or is split over several", () => {
    const split = cut("Do", " this", ":\n``", "`", "python", "\n", "x", " = 1", "\n```", "\n\n", "Then");
    expect(shown(split)).toEqual([
      ["Do this:\n", false],
      ["```python\n", true],
      ["x = 1\n```\n", true],
      ["\n", false],
      ["Then", false],
    ]);
    const glued = cut("See", "\n```", "\n", "x", "\n```\n", "Then", "\n~~~", "js\n", "`\n", "~~~", "\n");
    expect(shown(glued)).toEqual([
      ["See\n", false],
      ["```\n", true],
      ["x\n```\n", true],
      ["Then\n", false],
      ["~~~js\n", true],
      ["`\n", true],
      ["~~~\n", true],
    ]);
  });
  it("tells what looks like a fence from one", () => {
    expect(shown(cut("```", "x", "``` is code\n", "and on"))).toEqual([
      ["```x``` is code\n", false],
      ["and on", false],
    ]);
    const nested = shown(cut("````\n", "```py\n", "```\n", "````\n", "end"));
    expect(nested.map(([, code]) => code)).toEqual([true, true, true, true, false]);
    expect(shown(cut("one ``` two", "\nthree"))).toEqual([["one ``` two\nthree", false]]);
  });
  it("gives the same paragraphs wherever the tokens cut the text, grown or at once", () => {
    const text = "Do this:\n```py\nx = 1\n```\n\n```a``` no\n  ~~~\n```\n  ~~~\nend ``` here\n```\nopen";
    for (const size of [1, 2, 3, 5, 7]) {
      const tokens = cut(...(text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []));
      expect(
        shown(tokens)
          .map(([part]) => part)
          .join(""),
      ).toBe(text);
      let grown = cutParagraphs([]);
      let previous: typeof tokens = [];
      for (let n = 1; n <= tokens.length; n++) {
        const now = tokens.slice(0, n);
        grown = cutParagraphs(now, grown, previous);
        previous = now;
        expect(grown).toEqual(cutParagraphs(now));
      }
    }
  });
  it("gives the same paragraphs grown token by token as cut at once, and keeps the finished ones", () => {
    const tokens = syntheticTokens(400);
    let grown = cutParagraphs([]);
    let previous: typeof tokens = [];
    let first: unknown;
    for (let n = 1; n <= tokens.length; n += 3) {
      const now = tokens.slice(0, n);
      grown = cutParagraphs(now, grown, previous);
      if (grown.length > 1) first ??= grown[0];
      previous = now;
    }
    expect(grown).toEqual(cutParagraphs(previous));
    expect(grown[0]).toBe(first);
  });
  it("goes on in a new paragraph where one would never end, and does not tear a word", () => {
    const tokens = Array.from({ length: 2000 }, (_, i) => record({ text: i % 7 === 0 ? " a" : "b" }));
    const found = cutParagraphs(tokens);
    expect(found.length).toBe(4);
    for (const { start } of found) expect(tokens[start]?.text).toBe(" a");
  });
  it("starts again where the tokens were replaced", () => {
    const old = cut("a\n", "b\n", "c");
    const fresh = cut("x", "y\n", "z");
    expect(cutParagraphs(fresh, cutParagraphs(old), old)).toEqual(cutParagraphs(fresh));
  });
});

describe("sectionsOf", () => {
  it("groups paragraphs in order, and changes only the last group while an answer grows", () => {
    const tokens = syntheticTokens(900);
    const paragraphs = cutParagraphs(tokens);
    const sections = sectionsOf(paragraphs);
    expect(sections.length).toBeGreaterThan(3);
    expect(sections.flatMap((section) => section.paragraphs)).toEqual(paragraphs);
    for (let n = 1; n < paragraphs.length; n++) {
      const before = sectionsOf(paragraphs.slice(0, n));
      expect(sections.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
    }
    expect(sectionsOf([])).toEqual([]);
  });
});
