/** The arrays that a plot draws, kept while an answer grows: only what is new is added, and nothing is thrown away. */
import type { AlignedData } from "uplot";
import type { MeasureSeries } from "@/lib/series";
import type { Answer } from "@/types";

export interface ColumnSource {
  series: MeasureSeries;
  /** The token at x = 0. */
  anchor: number;
}

/** One answer's line in a plot. */
export interface Line extends ColumnSource {
  answer: Answer;
  colour: string;
  dash?: number[] | undefined;
}

export class PlotColumns {
  #x: number[] = [];
  #y: (number | null)[][] = [];
  #shape = "";

  /** x in tokens from the anchors, then for each line its values and, where asked for, its average and its slope. */
  update(lines: readonly ColumnSource[], average: boolean, slope: boolean): AlignedData {
    const min = Math.min(0, ...lines.map(({ anchor }) => -anchor));
    const max = Math.max(0, ...lines.map(({ series, anchor }) => series.raw.length - 1 - anchor));
    const sources = lines.flatMap(({ series, anchor }) => [
      { values: series.raw, anchor },
      ...(average ? [{ values: series.average, anchor }] : []),
      ...(slope ? [{ values: series.slope, anchor }] : []),
    ]);
    const identity = lines.map(({ series, anchor }) => `${series.measure} ${series.generation} ${anchor}`);
    const shape = [min, average, slope, ...identity].join();
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#x = [];
      this.#y = sources.map(({ anchor }) => new Array<null>(-anchor - min).fill(null));
    }
    for (let x = min + this.#x.length; x <= max; x++) this.#x.push(x);
    sources.forEach(({ values, anchor }, i) => {
      const column = this.#y[i] as (number | null)[];
      for (let k = column.length + anchor + min; k < values.length; k++) {
        const value = values[k] as number;
        column.push(Number.isFinite(value) ? value : null);
      }
    });
    return [this.#x, ...this.#y];
  }
}
