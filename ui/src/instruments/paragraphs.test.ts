import { describe, expect, it } from "vitest";
import { cutParagraphs } from "@/instruments/paragraphs";
import { record, syntheticTokens } from "../../fixtures/synthetic";

const cut = (...texts: string[]) => texts.map((text) => record({ text }));
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
