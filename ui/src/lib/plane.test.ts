import { describe, expect, it } from "vitest";
import { readConditions } from "@/lib/conditions";
import { along, axisOf, marks, regions, valueAt } from "@/lib/plane";
import { ENTROPIX, record, syntheticTokens } from "../../fixtures/synthetic";

const conditions = readConditions(ENTROPIX);

describe("the axis", () => {
  const axis = axisOf(conditions, "logits_entropy", [record({ logits_entropy: 13.2 })]);
  it("reaches past the data and bends at the lowest threshold", () => {
    expect(axis).toEqual({ knee: 0.1, max: 16 });
    expect(axisOf({}, "logits_varentropy", [])).toEqual({ knee: 0.1, max: 8 });
  });
  it("gives small values room and can be read back", () => {
    expect(along(axis, 0)).toBe(0);
    expect(along(axis, 0.1)).toBeGreaterThan(0.1);
    expect(along(axis, 99)).toBe(1);
    for (const value of [0.01, 0.5, 3, 12]) expect(valueAt(axis, along(axis, value))).toBeCloseTo(value, 9);
  });
  it("marks zero and the thresholds first, never two in one place", () => {
    const marked = marks(axis, [0.1, 3, 5], 0.05);
    expect(marked).toEqual(expect.arrayContaining([0, 0.1, 3, 5]));
    expect(marked).not.toContain(2.9);
    for (let i = 1; i < marked.length; i++) {
      expect(along(axis, marked[i] as number) - along(axis, marked[i - 1] as number)).toBeGreaterThanOrEqual(
        0.05,
      );
    }
  });
});

describe("regions", () => {
  it("hold exactly the tokens of their quadrants", () => {
    const found = regions(conditions);
    for (const { quadrant, logits_entropy: h, logits_varentropy: v } of syntheticTokens(600)) {
      const region = found.find(
        ({ entropy, varentropy }) =>
          h > entropy[0] && h < entropy[1] && v > varentropy[0] && v < varentropy[1],
      );
      expect(region?.name ?? "ADAPTIVE").toBe(quadrant);
    }
  });
  it("keep what else a condition asks for", () => {
    const [, resampling] = regions({
      FLOWING: [{ metric: "logits_entropy", over: "value", side: "below", value: 0.004 }],
      RESAMPLING: [
        { metric: "logits_entropy", over: "value", side: "above", value: 3.7 },
        { metric: "attention_entropy", over: "value", side: "above", value: 5 },
      ],
    });
    expect(resampling).toEqual({
      name: "RESAMPLING",
      entropy: [3.7, Number.POSITIVE_INFINITY],
      varentropy: [0, Number.POSITIVE_INFINITY],
      further: [{ metric: "attention_entropy", over: "value", side: "above", value: 5 }],
    });
  });
});
