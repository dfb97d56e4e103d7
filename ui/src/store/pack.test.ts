import { describe, expect, it } from "vitest";
import { token } from "../../fixtures/record";
import { packTokens, unpackTokens } from "./pack";

describe("packed tokens", () => {
  it("come back as they were", () => {
    const tokens = [
      token("The"),
      token(" x", {
        quadrant: null,
        temperature: null,
        top_p: null,
        top_k: null,
        min_p: null,
        alternatives: [],
      }),
      token("", { token: "\\xf0\\x9f", quadrant: "RESAMPLING" }),
      token("🗼", { forced: true, token_id: -1, logprob: Number.NaN, position: 12 }),
      token(" is", { forked: true, drafted: true }),
      token(" so", { drafted: true }),
    ];
    expect(unpackTokens(packTokens(tokens))).toEqual(tokens);
  });

  it("keep as many alternatives as each token had", () => {
    const many = Array.from({ length: 10 }, (_, i) => ({ token: `t${i}`, token_id: i, logprob: -i }));
    const tokens = [token("a", { alternatives: many }), token("b", { alternatives: many.slice(0, 3) })];
    expect(unpackTokens(packTokens(tokens)).map((t) => t.alternatives)).toEqual([many, many.slice(0, 3)]);
  });
});
