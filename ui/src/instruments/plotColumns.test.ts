import { describe, expect, it } from "vitest";
import { PlotColumns } from "@/instruments/plotColumns";
import { MeasureSeries } from "@/lib/series";
import { record, syntheticTokens } from "../../fixtures/synthetic";

const series = (...values: number[]) =>
  new MeasureSeries("logits_entropy").update(
    values.map((logits_entropy) => record({ logits_entropy })),
    2,
  );

describe("PlotColumns", () => {
  it("lines answers up at their anchors and leaves gaps where there is nothing", () => {
    const [x, a, b] = new PlotColumns().update(
      [
        { series: series(1, 2, 3), anchor: 2 },
        { series: series(7, Number.NaN), anchor: 0 },
      ],
      false,
      false,
    );
    expect(x).toEqual([-2, -1, 0, 1]);
    expect(a).toEqual([1, 2, 3]);
    expect(b).toEqual([null, null, 7, null]);
  });
  it("grown step by step equals made at once, in the same arrays", () => {
    const tokens = syntheticTokens(200);
    const grown = new PlotColumns();
    const growing = new MeasureSeries("agreement");
    const first = grown.update([{ series: growing.update(tokens.slice(0, 3), 8), anchor: 0 }], true, true);
    const data = grown.update([{ series: growing.update(tokens, 8), anchor: 0 }], true, true);
    const whole = new MeasureSeries("agreement").update(tokens, 8);
    expect(data).toEqual(new PlotColumns().update([{ series: whole, anchor: 0 }], true, true));
    expect(data[1]).toBe(first[1]);
  });
  it("starts over when the window, the anchor or the tokens change", () => {
    const columns = new PlotColumns();
    const tokens = syntheticTokens(50);
    const one = new MeasureSeries("logits_entropy").update(tokens, 4);
    columns.update([{ series: one, anchor: 0 }], true, false);
    one.update(tokens, 9);
    expect(columns.update([{ series: one, anchor: 5 }], true, false)).toEqual(
      new PlotColumns().update([{ series: one, anchor: 5 }], true, false),
    );
    one.update(syntheticTokens(20, 7), 9);
    expect(columns.update([{ series: one, anchor: 5 }], true, false)[1]).toHaveLength(20);
  });
});
