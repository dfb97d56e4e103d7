import { describe, expect, it } from "vitest";
import { chunkRecords, splitText } from "./records";
import type { ChatChunk, TokenMetrics } from "./wire";

const metrics = (token: string): TokenMetrics => ({
  position: 7,
  token_id: 3,
  token,
  quadrant: "FLOWING",
  logprob: -0.25,
  logits_entropy: 0.5,
  logits_varentropy: 0.25,
  attention_entropy: 2,
  attention_varentropy: 0.125,
  agreement: 0.01,
  interaction_strength: 5,
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  drafted: false,
});

const chunkOf = (content: string | null, tokens: string[]): ChatChunk => ({
  choices: [
    {
      index: 0,
      delta: { content },
      logprobs: {
        refusal: null,
        content: tokens.map((token) => ({
          token,
          token_id: 3,
          logprob: -0.25,
          bytes: [],
          top_logprobs: [{ token: " x", logprob: -2, token_id: 9, bytes: [] }],
        })),
      },
      finish_reason: null,
    },
  ],
  metrics: tokens.map(metrics),
});

describe("splitText", () => {
  it.each([
    ["one token", "Paris", ["Paris"], ["Paris"]],
    ["several tokens", "Paris is", ["Paris", " is"], ["Paris", " is"]],
    ["a character in two tokens", "🗼!", ["\\xf0\\x9f", "\\x97\\xbc", "!"], ["", "", "🗼!"]],
    ["text held back", "", ["a", "b"], ["", ""]],
    ["held-back text that comes with the next token", "ab c", ["b", " c"], ["", "ab c"]],
  ])("%s: the pieces joined are the text", (_, text, tokens, pieces) => {
    expect(splitText(text, tokens)).toEqual(pieces);
    expect(splitText(text, tokens).join("")).toBe(text);
  });
});

describe("chunkRecords", () => {
  it("aligns metrics, text and alternatives of several tokens in one chunk", () => {
    const { tokens, tail } = chunkRecords(chunkOf("Paris is", ["Paris", " is"]));
    expect(tokens.map((t) => t.text)).toEqual(["Paris", " is"]);
    expect(tokens[1]).toMatchObject({
      token_id: 3,
      quadrant: "FLOWING",
      logits_entropy: 0.5,
      temperature: null,
    });
    expect(tokens[1]?.alternatives).toEqual([{ token: " x", logprob: -2, token_id: 9 }]);
    expect(tail).toBe("");
  });

  it("hands text without a token over as a tail", () => {
    expect(chunkRecords(chunkOf("end", []))).toEqual({ tokens: [], text: "end", tail: "end" });
  });

  it("takes the chunk that carries only the usage", () => {
    expect(chunkRecords({ choices: [] })).toEqual({ tokens: [], text: "", tail: "" });
  });

  it("turns numbers that are not known into NaN, not into zero", () => {
    const chunk = chunkOf("a", ["a"]);
    (chunk.metrics as TokenMetrics[])[0] = { ...metrics("a"), logits_entropy: null as never, quadrant: null };
    const [record] = chunkRecords(chunk).tokens;
    expect(record?.logits_entropy).toBeNaN();
    expect(record?.quadrant).toBeNull();
  });
});
