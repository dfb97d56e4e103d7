import { describe, expect, it } from "vitest";
import { holds, readConditions, readLevels, readWindow, thresholdsOf } from "@/lib/conditions";
import { regions } from "@/lib/plane";
import { QUADRANT_NAMES, shares } from "@/lib/quadrants";
import { why } from "@/lib/why";
import { ENTROPIX, record, syntheticTokens } from "../../fixtures/synthetic";

describe("readLevels", () => {
  it("reads the published names, flat or nested, and lets the rest be", () => {
    expect(readLevels({ ...ENTROPIX, temperature: 0.666 })).toEqual({
      logits_entropy: { low: 0.1, medium: 3, high: 5 },
      logits_varentropy: { low: 0.1, high: 5 },
    });
    expect(readLevels({ thresholds: { logits_entropy: { low: 0.004, high: 3.7 } } })).toEqual({
      logits_entropy: { low: 0.004, high: 3.7 },
    });
    expect(readLevels(null)).toEqual({});
  });
});

describe("readConditions", () => {
  it("applies the published rule to named thresholds", () => {
    const conditions = readConditions(ENTROPIX);
    expect(conditions.TREADING).toEqual([
      { metric: "logits_entropy", over: "value", side: "above", value: 3 },
      { metric: "logits_varentropy", over: "value", side: "below", value: 0.1 },
    ]);
    expect(thresholdsOf(conditions, "logits_entropy")).toEqual([
      { value: 0.1, quadrants: ["FLOWING"] },
      { value: 3, quadrants: ["TREADING"] },
      { value: 5, quadrants: ["EXPLORING", "RESAMPLING"] },
    ]);
  });
  it("lets the clauses under a quadrant win, with levels by name or by number", () => {
    const conditions = readConditions({
      ...ENTROPIX,
      treading: { when: ["logits_entropy > high", "logits_varentropy < low"], temperature_constant: 1.3 },
      exploring: { when: ["logits_entropy < low", "attention_entropy > 1.6", "no_such_metric > low"] },
    });
    expect(conditions).toEqual({
      TREADING: [
        { metric: "logits_entropy", over: "value", side: "above", value: 5 },
        { metric: "logits_varentropy", over: "value", side: "below", value: 0.1 },
      ],
      EXPLORING: [
        { metric: "logits_entropy", over: "value", side: "below", value: 0.1 },
        { metric: "attention_entropy", over: "value", side: "above", value: 1.6 },
      ],
    });
  });
  it("reads bounds on means and slopes, which are no thresholds of the value", () => {
    const conditions = readConditions({
      ...ENTROPIX,
      window: 8,
      exploring: {
        when: ["logits_entropy_slope > 0.2", "logits_entropy_mean < high", "agreement_slope < low"],
      },
    });
    expect(conditions.EXPLORING).toEqual([
      { metric: "logits_entropy", over: "slope", side: "above", value: 0.2 },
      { metric: "logits_entropy", over: "mean", side: "below", value: 5 },
    ]);
    expect(thresholdsOf(conditions, "logits_entropy")).toEqual([]);
    expect(regions(conditions)[0]).toMatchObject({ entropy: [0, Number.POSITIVE_INFINITY] });
    expect(regions(conditions)[0]?.further).toHaveLength(2);
    expect(readWindow({ window: 8 })).toBe(8);
    expect(readWindow(ENTROPIX)).toBeNull();
  });
  it("finds none in a config without thresholds", () => {
    expect(readConditions({ temperature: 0.7, top_p: 0.9 })).toEqual({});
    expect(readConditions(null)).toEqual({});
  });
  it("agrees with the quadrants of tokens drawn under it", () => {
    const conditions = readConditions(ENTROPIX);
    for (const token of syntheticTokens(500)) {
      const first = QUADRANT_NAMES.filter((name) => name !== "ADAPTIVE").find((name) =>
        holds(conditions[name] ?? [], token),
      );
      expect(first ?? "ADAPTIVE").toBe(token.quadrant);
    }
  });
});

describe("why", () => {
  const conditions = readConditions(ENTROPIX);
  const plain = (text: string) => text.replaceAll("\u00a0", " ");

  it("names the condition that held, with the numbers", () => {
    const token = record({ quadrant: "TREADING", logits_entropy: 3.42, logits_varentropy: 0.05 });
    expect(plain(why(token, conditions))).toBe("Entropy 3.4 bits > 3.0 and varentropy 0.05 bits² < 0.1.");
  });
  it("adds digits where rounding would contradict the condition", () => {
    const token = record({ quadrant: "TREADING", logits_entropy: 3.0004, logits_varentropy: 0.099 });
    expect(plain(why(token, conditions))).toBe("Entropy 3.0004 bits > 3.0 and varentropy 0.099 bits² < 0.1.");
  });
  it("says between which thresholds an adaptive token lies", () => {
    const token = record({ quadrant: "ADAPTIVE", logits_entropy: 1.2, logits_varentropy: 7 });
    expect(plain(why(token, conditions))).toBe(
      "None of the four corners: entropy 1.2 bits between 0.1 and 3.0 and varentropy 7.0 bits² > 5.0.",
    );
  });
  it("names means and slopes, with their numbers where they are known", () => {
    const rising = readConditions({ exploring: { when: ["logits_entropy_slope > 0.2"] } });
    const token = record({ quadrant: "EXPLORING" });
    expect(plain(why(token, rising, () => 0.31))).toBe("Slope of entropy 0.3 bits/token > 0.2.");
    expect(why(token, rising)).toBe("Slope of entropy > 0.2.");
  });
  it("knows tokens that no condition chose", () => {
    expect(why(record({ quadrant: null }), conditions)).toMatch(/plain sampler/);
    expect(why(record({ forced: true }), conditions)).toMatch(/You chose/);
    expect(plain(why(record({ quadrant: "FLOWING" }), {}))).toBe(
      "Entropy 0.05 bits and varentropy 0.05 bits².",
    );
  });
});

describe("shares", () => {
  it("counts all five in one order and adds up to one", () => {
    const counted = shares(syntheticTokens(1000));
    expect(counted.map(({ name }) => name)).toEqual(QUADRANT_NAMES);
    expect(counted.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
  });
  it("is empty under the plain sampler", () => {
    expect(shares([record({ quadrant: null })])).toEqual([]);
  });
});
