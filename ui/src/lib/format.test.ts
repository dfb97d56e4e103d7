import { describe, expect, it } from "vitest";
import { brief, exact, exactWithUnit, percent, probability, ticks, visible, withUnit } from "@/lib/format";

describe("numbers", () => {
  it("are brief in a sentence", () => {
    expect([2.7031, 0.0512, 12.4, 0, -0.25, 0.0031, 0.00001].map(brief)).toEqual([
      "2.7",
      "0.05",
      "12",
      "0",
      "−0.3",
      "0.0031",
      "0.0",
    ]);
  });
  it("are exact in the card", () => {
    expect([2.703125, 0.05, 1e-7, 27, -9.5].map(exact)).toEqual([
      "2.70313",
      "0.05",
      "1.000e−7",
      "27",
      "−9.5",
    ]);
  });
  it("carry the unit of their measure, and none where there is none", () => {
    expect(withUnit("logits_entropy", 2.7)).toBe("2.7\u00a0bits");
    expect(exactWithUnit("logits_varentropy", 0.05)).toBe("0.05\u00a0bits²");
    expect(withUnit("agreement", 0.0031)).toBe("0.0031");
    expect(withUnit("logprob", Number.NaN)).toBe("–");
  });
  it("never round a part to nothing or to all", () => {
    expect([0.81, 0, 1, 0.001, 0.999].map(percent)).toEqual([
      "81\u202f%",
      "0\u202f%",
      "100\u202f%",
      "<1\u202f%",
      ">99\u202f%",
    ]);
    expect(probability(Math.log(0.004))).toBe("0.4\u202f%");
    expect(probability(-20)).toBe("<0.1\u202f%");
    expect(probability(Number.NaN)).toBe("–");
  });
});

describe("visible", () => {
  it("shows what cannot be seen", () => {
    expect(visible(" the")).toBe("␣the");
    expect(visible("\n\n")).toBe("⏎⏎");
    expect(visible("\u0007")).toBe("␇");
    expect(visible("")).toBe("∅");
    expect(visible("\u200b")).toBe("⟨U+200B⟩");
  });
  it("does not tear joined characters apart", () => {
    expect(visible("👩‍💻")).toBe("👩‍💻");
  });
});

describe("ticks", () => {
  it("gives neighbours different texts, with no more decimals than that takes", () => {
    expect(ticks([0, 0.0025, 0.005, 0.0075, 0.01])).toEqual(["0", "0.0025", "0.0050", "0.0075", "0.0100"]);
    expect(ticks([0, 5, 10])).toEqual(["0", "5", "10"]);
    expect(ticks([-0.5, 0, 0.5])).toEqual(["−0.5", "0", "0.5"]);
    expect(ticks([3])).toEqual(["3"]);
    expect(ticks([])).toEqual([]);
  });
});
