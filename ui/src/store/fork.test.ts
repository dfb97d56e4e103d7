import { describe, expect, it } from "vitest";
import { token } from "../../fixtures/record";
import { forkStart } from "./fork";

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

  it("refuses a part of a character, an empty text and a token that is not there", () => {
    expect(() => forkStart(tokens, 1, { token: "\\xf0\\x9f", logprob: -1 })).toThrow(/part of a character/);
    expect(() => forkStart(tokens, 1, "")).toThrow(/Type the text/);
    expect(() => forkStart(tokens, 9, " x")).toThrow(/not there/);
  });
});
