import { differenceEuclidean, inGamut, wcagContrast } from "culori";
import { describe, expect, it } from "vitest";
import { domainOf, LEVELS, level, position, RAMPS, rampColour, ticks } from "@/lib/scales";
import { record } from "../../fixtures/synthetic";
import { themeVariable } from "../../fixtures/theme";

const steps = Array.from({ length: LEVELS + 1 }, (_, i) => i / LEVELS);

describe.each(["light", "dark"] as const)("the %s ramp", (theme) => {
  const colours = steps.map((t) => rampColour(RAMPS[theme], t));

  it("keeps text readable at every step: 4.5:1", () => {
    const ink = themeVariable(theme, "--ink");
    for (const colour of colours) expect(wcagContrast(ink, colour)).toBeGreaterThanOrEqual(4.5);
  });
  it("stays inside sRGB, so that no display clips it", () => {
    for (const colour of colours) expect(inGamut("rgb")(colour)).toBe(true);
  });
  it("takes perceptually even steps", () => {
    const difference = differenceEuclidean("oklab");
    const gaps = colours.slice(1).map((colour, i) => difference(colours[i] as string, colour));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    for (const gap of gaps) expect(Math.abs(gap / mean - 1)).toBeLessThan(0.35);
  });
});

describe("domains", () => {
  it("are fixed where the measure has a natural zero", () => {
    const high = [record({ logits_entropy: 12 })];
    expect(domainOf("logits_entropy", high)).toEqual(domainOf("logits_entropy", []));
  });
  it("span the data in round numbers elsewhere", () => {
    const tokens = [5.83, 6.4, 7.19].map((interaction_strength) => record({ interaction_strength }));
    expect(domainOf("interaction_strength", tokens)).toEqual({ from: 5.5, to: 7.5, root: false });
  });
  it("stand on their own with one value or none", () => {
    expect(domainOf("agreement", [])).toEqual({ from: 0, to: 1, root: false });
    const one = domainOf("agreement", [record({ agreement: 0.003 })]);
    expect(one.from).toBeLessThan(0.003);
    expect(one.to).toBeGreaterThan(0.003);
  });
});

describe("levels", () => {
  const entropy = domainOf("logits_entropy", []);
  it("leave the sure tokens untinted and clamp beyond the end", () => {
    expect(level(entropy, 0)).toBe(0);
    expect(level(entropy, 0.01)).toBe(0);
    expect(level(entropy, 100)).toBe(1);
    expect(level(entropy, Number.NaN)).toBe(0);
  });
  it("run from certain to unlikely for the log-probability", () => {
    const logprob = domainOf("logprob", []);
    expect(level(logprob, 0)).toBe(0);
    expect(level(logprob, -8)).toBe(1);
    expect(position(logprob, -2)).toBeCloseTo(0.5, 12);
  });
  it("are where the legend's ticks say", () => {
    for (const { t, label } of ticks(entropy)) expect(position(entropy, Number(label))).toBeCloseTo(t, 12);
  });
});
