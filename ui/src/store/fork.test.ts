import { describe, expect, it } from "vitest";
import { token } from "../../fixtures/record";
import { forkStart, idsOf, retold } from "./fork";

const tokens = [token("The"), token(" sky", { logits_entropy: 4 }), token(" is")];

describe("forkStart", () => {
  it("keeps the tokens before, and puts the alternative in the token's place with its metrics", () => {
    const start = forkStart(tokens, 1, { token: " else", token_id: 9, logprob: -1.25 });
    expect(start.text).toBe("The else");
    expect(start.ends).toBe(false);
    expect(start.tokens[0]).toBe(tokens[0]);
    expect(start.tokens[1]).toMatchObject({
      text: " else",
      token_id: 9,
      logprob: -1.25,
      logits_entropy: 4,
      temperature: null,
      forced: true,
    });
    expect(start.tokens).toHaveLength(2);
  });

  it("takes typed text, and knows its probability where it is one of the alternatives", () => {
    expect(forkStart(tokens, 2, " else").tokens[2]?.logprob).toBe(-1.25);
    expect(forkStart(tokens, 2, " was never").tokens[2]?.logprob).toBeNaN();
    expect(forkStart(tokens, 0, "A").text).toBe("A");
  });

  it("ends the answer at a token that ends answers", () => {
    expect(forkStart(tokens, 2, { token: "<|im_end|>", logprob: -3 })).toMatchObject({
      text: "The sky",
      ends: true,
    });
  });

  it("takes a part of a character, and leaves its text to the server", () => {
    const start = forkStart(tokens, 1, { token: "\\xf0\\x9f", token_id: 7, logprob: -1 });
    expect(start.text).toBe("The");
    expect(start.tokens[1]).toMatchObject({ token: "\\xf0\\x9f", token_id: 7, text: "" });
    expect(idsOf(start.tokens, start.text)).toEqual([100, 7]);
    expect(retold(start.tokens, "The🦊").map((t) => t.text)).toEqual(["The", "🦊"]);
  });

  it("refuses an empty text and a token that is not there", () => {
    expect(() => forkStart(tokens, 1, "")).toThrow(/Type the text/);
    expect(() => forkStart(tokens, 9, " x")).toThrow(/not there/);
  });
});

describe("the beginning of an answer", () => {
  it("has ids while every token is known and they are all of its text", () => {
    expect(idsOf(tokens, "The sky is")).toEqual([100, 100, 100]);
    expect(idsOf(tokens, "The sky is not")).toBeNull();
    expect(idsOf(forkStart(tokens, 1, " sea of").tokens, "The sea of")).toBeNull();
    expect(idsOf([], "")).toBeNull();
  });

  it("keeps what the server tells alike, and gives the last token what the others leave", () => {
    const half = [token("A"), token("\\xf0", { text: "" }), token("\\x9f", { text: "\uFFFD" })];
    const told = retold(half, "A");
    expect(told.map((t) => t.text)).toEqual(["A", "", ""]);
    expect(told[0]).toBe(half[0]);
    expect(retold(half, "A\uFFFDb").map((t) => t.text)).toEqual(["A", "", "\uFFFDb"]);
  });
});
