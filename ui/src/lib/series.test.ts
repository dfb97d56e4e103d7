import { describe, expect, it } from "vitest";
import { extent, Growing, MeasureSeries, movingAverage, movingSlope, windowOf } from "@/lib/series";
import { generator, record, syntheticTokens } from "../../fixtures/synthetic";

const floats = (...values: number[]) => Float64Array.from(values);

describe("Growing", () => {
  it("keeps every value through its doublings", () => {
    const series = new Growing();
    for (let i = 0; i < 5000; i++) series.push(i);
    expect(series.values.length).toBe(5000);
    expect(series.values.every((value, i) => value === i)).toBe(true);
  });
  it("fills new room with NaN and keeps the old values", () => {
    const series = new Growing();
    series.push(1);
    series.resize(600);
    expect(series.values[0]).toBe(1);
    expect(series.values[599]).toBeNaN();
  });
});

describe("movingAverage", () => {
  it("is the mean of the last values, fewer at the start", () => {
    expect([...movingAverage(floats(1, 2, 3, 4), 2, new Growing())]).toEqual([1, 1.5, 2.5, 3.5]);
  });
  it("leaves out what is missing", () => {
    expect([...movingAverage(floats(1, Number.NaN, 3), 2, new Growing())]).toEqual([1, 1, 3]);
  });
  it("extended piece by piece equals computed at once", () => {
    const random = generator(3);
    const values = Float64Array.from({ length: 700 }, random);
    const whole = [...movingAverage(values, 17, new Growing())];
    const piecewise = new Growing();
    for (const to of [1, 2, 255, 257, 600, 700]) {
      movingAverage(values.subarray(0, to), 17, piecewise, piecewise.length);
    }
    expect([...piecewise.values]).toEqual(whole);
  });
});

describe("movingSlope", () => {
  it("recovers the slope of a line exactly, however far along", () => {
    const line = Float64Array.from({ length: 100_000 }, (_, i) => 2 - 0.25 * i);
    const slopes = movingSlope(line, 32, new Growing(), 99_000);
    expect(slopes[99_999]).toBeCloseTo(-0.25, 9);
  });
  it("agrees with least squares written out for one window", () => {
    // y = 0, 1, 0, 3 over x = 0..3: Sxy / Sxx = 4 / 5
    expect(movingSlope(floats(0, 1, 0, 3), 4, new Growing())[3]).toBeCloseTo(0.8, 12);
  });
  it("looks at the values there are before its window is full", () => {
    const slopes = [...movingSlope(floats(9, 0, 1, 2, 3), 3, new Growing())];
    expect(slopes[0]).toBeNaN();
    [-9, -4, 1, 1].forEach((slope, i) => {
      expect(slopes[i + 1]).toBeCloseTo(slope, 12);
    });
  });
  it("is missing where there are fewer than two values", () => {
    const slopes = movingSlope(floats(1, Number.NaN, Number.NaN, 4), 2, new Growing());
    expect([...slopes]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe("windowOf", () => {
  const tokens = [4, 1, 3, 5].map((logits_entropy) => record({ logits_entropy }));
  it("is mean and slope over the last tokens, as many as there are", () => {
    expect(windowOf(tokens, "logits_entropy", 3)).toEqual({ mean: 3, slope: 2 });
    expect(windowOf(tokens.slice(0, 2), "logits_entropy", 8)).toEqual({ mean: 2.5, slope: -3 });
  });
  it("is null for too few values, also where some are missing", () => {
    expect(windowOf(tokens.slice(0, 1), "logits_entropy", 8)).toEqual({ mean: 4, slope: null });
    expect(windowOf([], "logits_entropy", 8)).toEqual({ mean: null, slope: null });
    const typed = record({ logprob: Number.NaN });
    expect(windowOf([typed, record({ logprob: -1 })], "logprob", 2)).toEqual({ mean: -1, slope: null });
  });
  it("agrees with the lines that are drawn", () => {
    const long = syntheticTokens(60);
    const { average, slope } = new MeasureSeries("logits_entropy").update(long, 16);
    for (const i of [1, 5, 15, 16, 59]) {
      const at = windowOf(long.slice(0, i + 1), "logits_entropy", 16);
      expect(at.mean).toBeCloseTo(average[i] as number, 12);
      expect(at.slope).toBeCloseTo(slope[i] as number, 12);
    }
  });
});

describe("extent", () => {
  it("spans the finite values of a range", () => {
    expect(extent(floats(5, Number.NaN, -1, 9), 0, 3)).toEqual([-1, 5]);
    expect(extent(floats(Number.NaN))).toBeNull();
  });
});

describe("MeasureSeries", () => {
  const tokens = syntheticTokens(300);
  const whole = (window: number) => {
    const { raw, average, slope } = new MeasureSeries("logits_entropy").update(tokens, window);
    return [[...raw], [...average], [...slope]];
  };
  it("grown step by step equals computed at once", () => {
    const grown = new MeasureSeries("logits_entropy");
    for (const n of [0, 1, 2, 40, 299, 300]) grown.update(tokens.slice(0, n), 8);
    expect([[...grown.raw], [...grown.average], [...grown.slope]]).toEqual(whole(8));
  });
  it("starts over when the window changes or the tokens are replaced", () => {
    const series = new MeasureSeries("logits_entropy");
    series.update(syntheticTokens(500, 9), 8).update(tokens, 8);
    expect([...series.average]).toEqual(whole(8)[1]);
    series.update(tokens, 32);
    expect([...series.slope]).toEqual(whole(32)[2]);
    series.update([], 32);
    expect(series.raw.length).toBe(0);
  });
});
