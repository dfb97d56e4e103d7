import { readFileSync } from "node:fs";
import { differenceEuclidean, formatHex, inGamut, interpolate, wcagContrast } from "culori";
import { describe, expect, it } from "vitest";
import { LOST_BITS, SURE_BITS, strength, tintStep, uncertain } from "@/lib/tint";
import { record } from "../../fixtures/synthetic";
import { themeVariable } from "../../fixtures/theme";

interface Case {
  logits_entropy: number;
  logprob: number;
  strength: number;
}

const cases: Case[] = JSON.parse(readFileSync("../tests/data/tint_cases.json", "utf8"));

describe("strength", () => {
  it.each(cases)("of entropy $logits_entropy and log-probability $logprob is $strength", (one) => {
    expect(strength(one)).toBeCloseTo(one.strength, 6);
    expect(uncertain(one)).toBe(one.strength > 0);
  });
  it("goes by what is known: a typed text has no probability", () => {
    expect(strength({ logits_entropy: 8, logprob: Number.NaN })).toBe(1);
    expect(strength({ logits_entropy: Number.NaN, logprob: Number.NaN })).toBe(0);
    expect(strength({ logits_entropy: 0, logprob: Number.NEGATIVE_INFINITY })).toBe(1);
  });
  it("does not ask for the quadrant", () => {
    expect(uncertain(record({ quadrant: "RESAMPLING" }))).toBe(false);
    expect(uncertain(record({ quadrant: "FLOWING", logits_entropy: 6 }))).toBe(true);
  });
});

describe("tintStep", () => {
  it("leaves a sure token plain, and nothing else", () => {
    expect(tintStep({ logits_entropy: SURE_BITS, logprob: 0 })).toBe(0);
    expect(tintStep({ logits_entropy: SURE_BITS + 0.01, logprob: 0 })).toBeGreaterThan(0);
    expect(tintStep({ logits_entropy: LOST_BITS, logprob: 0 })).toBe(1);
  });
});

describe.each(["light", "dark"] as const)("the tints of the %s theme", (theme) => {
  const [least, most] = ["--tint-least", "--tint-most"].map(
    (name) => Number.parseFloat(themeVariable(theme, name)) / 100,
  ) as [number, number];
  const steps = Array.from({ length: 9 }, (_, i) => least + ((most - least) * i) / 8);
  const tints = ["treading", "exploring", "resampling", "none"].map((name) => {
    const mix = interpolate([themeVariable(theme, "--page"), themeVariable(theme, `--q-${name}`)], "oklab");
    return [name, steps.map((share) => mix(share))] as const;
  });
  const apart = differenceEuclidean("oklab");
  const page = themeVariable(theme, "--page");

  it.each(tints)("keep text readable at every strength: %s", (_, colours) => {
    for (const ground of colours) {
      expect(inGamut("rgb")(ground)).toBe(true);
      expect(wcagContrast(themeVariable(theme, "--ink"), formatHex(ground))).toBeGreaterThanOrEqual(4.5);
    }
  });
  it.each(tints)("are seen at the least strength and grow in even steps: %s", (_, colours) => {
    expect(apart(page, colours[0] as (typeof colours)[number])).toBeGreaterThan(0.04);
    const gaps = colours.slice(1).map((colour, i) => apart(colours[i] as typeof colour, colour));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    for (const gap of gaps) expect(Math.abs(gap / mean - 1)).toBeLessThan(0.05);
  });
  it.each(tints.slice(0, 3))("leave the line of the quadrant to be seen on them: %s", (name, colours) => {
    const line = themeVariable(theme, `--q-${name}`);
    for (const ground of colours) expect(wcagContrast(line, formatHex(ground))).toBeGreaterThanOrEqual(3);
  });
});
