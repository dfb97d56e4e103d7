import { describe, expect, it } from "vitest";
import { holds, readConditions, readLevels, thresholdsOf } from "@/lib/conditions";
import { QUADRANT_NAMES, shares, uncertain } from "@/lib/quadrants";
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
      { metric: "logits_entropy", side: "above", value: 3 },
      { metric: "logits_varentropy", side: "below", value: 0.1 },
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
        { metric: "logits_entropy", side: "above", value: 5 },
        { metric: "logits_varentropy", side: "below", value: 0.1 },
      ],
      EXPLORING: [
        { metric: "logits_entropy", side: "below", value: 0.1 },
        { metric: "attention_entropy", side: "above", value: 1.6 },
      ],
    });
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

describe("uncertain", () => {
  it("goes by the quadrant, and by the probability under the plain sampler", () => {
    expect(uncertain(record({ quadrant: "FLOWING" }))).toBe(false);
    expect(uncertain(record({ quadrant: "ADAPTIVE" }))).toBe(false);
    expect(uncertain(record({ quadrant: "EXPLORING" }))).toBe(true);
    expect(uncertain(record({ quadrant: null, logprob: -2 }))).toBe(true);
    expect(uncertain(record({ quadrant: null, logprob: -0.1 }))).toBe(false);
  });
});
