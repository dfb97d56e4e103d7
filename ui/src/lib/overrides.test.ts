import { describe, expect, it } from "vitest";
import { countChanges, diff, merge, valueAt, withValue } from "./overrides";

const preset = { temperature: 0.666, top_k: 27, adaptive: { top_k_maximum: 100, when: ["a", "b"] } };

describe("overrides", () => {
  it("hold only what differs, nested as the config is", () => {
    const config = { temperature: 0.5, top_k: 27, adaptive: { top_k_maximum: 40, when: ["a", "b"] } };
    expect(diff(preset, config)).toEqual({ temperature: 0.5, adaptive: { top_k_maximum: 40 } });
    expect(diff(preset, preset)).toEqual({});
    expect(diff(preset, { adaptive: { when: ["a"] } })).toEqual({ adaptive: { when: ["a"] } });
  });

  it("laid over the preset give the config again", () => {
    const config = { temperature: 0, top_k: 5, adaptive: { top_k_maximum: 1, when: [] } };
    expect(merge(preset, diff(preset, config))).toEqual(config);
    expect(preset.temperature).toBe(0.666);
  });

  it("set and reset single values, and leave no empty objects behind", () => {
    const one = withValue({}, ["adaptive", "top_k_maximum"], 40);
    expect(one).toEqual({ adaptive: { top_k_maximum: 40 } });
    const two = withValue(one, ["temperature"], 0);
    expect(countChanges(two)).toBe(2);
    expect(valueAt(two, ["adaptive", "top_k_maximum"])).toBe(40);
    expect(withValue(two, ["adaptive", "top_k_maximum"], undefined)).toEqual({ temperature: 0 });
    expect(withValue(one, ["adaptive", "top_k_maximum"], undefined)).toEqual({});
  });
});
