import { describe, expect, it } from "vitest";
import { onlyGrew } from "@/instruments/turns";
import { syntheticAnswer } from "../../fixtures/synthetic";

const whole = syntheticAnswer(20);
const upTo = (count: number, status: "streaming" | "done" = "streaming") => ({
  ...whole,
  status,
  tokens: whole.tokens.slice(0, count),
});

describe("onlyGrew", () => {
  it("holds while tokens arrive", () => {
    expect(onlyGrew([upTo(5)], [upTo(9)])).toBe(true);
    expect(onlyGrew([upTo(5), whole], [upTo(9), whole])).toBe(true);
    expect(onlyGrew([upTo(5)], [upTo(9, "done")])).toBe(true);
  });
  it("fails at the first token, and when anything was replaced", () => {
    expect(onlyGrew([upTo(0)], [upTo(1)])).toBe(false);
    expect(onlyGrew([upTo(5)], [{ ...upTo(9), id: "other" }])).toBe(false);
    expect(onlyGrew([upTo(9)], [upTo(5)])).toBe(false);
    expect(onlyGrew([upTo(5)], [{ ...upTo(9), config: {} }])).toBe(false);
    expect(onlyGrew([upTo(5)], [upTo(9), whole])).toBe(false);
  });
});
