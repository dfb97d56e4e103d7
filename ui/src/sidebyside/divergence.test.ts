import { describe, expect, it } from "vitest";
import { token } from "../../fixtures/record";
import { divergence, meanEntropy, quadrantShares } from "./divergence";

const of = (...ids: number[]) => ids.map((id) => token(`t${id}`, { token_id: id }));
const running = { left: false, right: false };
const ended = { left: true, right: true };

describe("divergence", () => {
  it("finds the first tokens that differ", () => {
    const at = divergence(of(1, 2, 3), of(1, 2, 4, 5), running);
    expect(at).toMatchObject({ shared: 2, same: false });
    expect([at.left?.token_id, at.right?.token_id]).toEqual([3, 4]);
  });

  it("does not call an answer that is only slower different", () => {
    expect(divergence(of(1, 2), of(1, 2, 3), running)).toMatchObject({ shared: 2, same: true, right: null });
    const at = divergence(of(1, 2), of(1, 2, 3), ended);
    expect(at).toMatchObject({ shared: 2, same: false, left: null });
    expect(at.right?.token_id).toBe(3);
  });

  it("knows equal answers", () => {
    expect(divergence(of(1, 2), of(1, 2), ended)).toMatchObject({ shared: 2, same: true });
  });
});

describe("the numbers beside it", () => {
  it("shares of quadrants sum to one, and are unknown under the plain sampler", () => {
    const tokens = [token("a", { quadrant: "FLOWING" }), token("b"), token("c"), token("d")];
    expect(quadrantShares(tokens)).toMatchObject({ FLOWING: 0.25, ADAPTIVE: 0.75, RESAMPLING: 0 });
    expect(quadrantShares([token("a", { quadrant: null })])).toBeNull();
  });

  it("mean entropy leaves out what is not known", () => {
    expect(meanEntropy([token("a", { logits_entropy: 1 }), token("b", { logits_entropy: Number.NaN })])).toBe(
      1,
    );
    expect(meanEntropy([])).toBeNull();
  });
});
