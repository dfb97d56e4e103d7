import { describe, expect, it } from "vitest";
import { blocksOf, dollarMath } from "./blocks";
import { safeTarget } from "./SafeLink";

describe("blocksOf", () => {
  const text = "# Title\n\nOne *two*.\n\n```js\na\n\nb\n```\n\n- x\n- y\n\n$$\na\n\nb\n$$\n\nend";

  it("cuts at top-level blocks and loses nothing", () => {
    const blocks = blocksOf(text, false);
    expect(blocks.join("")).toBe(text);
    expect(blocks.map((b) => b.trim().split("\n")[0])).toEqual([
      "# Title",
      "One *two*.",
      "```js",
      "- x",
      "$$",
      "end",
    ]);
  });

  it("keeps the blocks before the last as they are while the text grows", () => {
    for (let length = 1; length < text.length; length++) {
      const before = blocksOf(text.slice(0, length), true).slice(0, -2);
      expect(blocksOf(text.slice(0, length + 1), true).slice(0, before.length)).toEqual(before);
    }
  });

  it("gives the same blocks grown from those before as read at once", () => {
    let grown: string[] = [];
    for (let length = 1; length <= text.length; length++) {
      grown = blocksOf(text.slice(0, length), true, grown);
      expect(grown).toEqual(blocksOf(text.slice(0, length), true));
    }
    expect(blocksOf("other\n\ntext", true, grown)).toEqual(["other\n\n", "text"]);
  });

  it("closes what is open at the end, while streaming only", () => {
    expect(blocksOf("so **bo", true)).toEqual(["so **bo**"]);
    expect(blocksOf("so **bo", false)).toEqual(["so **bo"]);
  });
});

describe("dollarMath", () => {
  it("turns LaTeX brackets into dollars, outside code", () => {
    expect(dollarMath("\\(a\\) and \\[b\\]")).toBe("$a$ and $$b$$");
    expect(dollarMath("so\n\\[b\\]\nand\n  $$c$$")).toBe("so\n$$\nb\n$$\nand\n  $$\n  c\n  $$");
    expect(dollarMath("`\\(a\\)`\n```\n\\[b\\]\n```")).toBe("`\\(a\\)`\n```\n\\[b\\]\n```");
  });
});

describe("safeTarget", () => {
  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "/relative",
    "vbscript:x",
    " javascript:alert(1)",
    undefined,
  ])("refuses %s", (href) => expect(safeTarget(href)).toBeNull());

  it("names the host that a link really leads to", () => {
    expect(safeTarget("https://bank.example@evil.example/")?.host).toBe("evil.example");
  });
});
