/** The plots in numbers, for a reader who does not see them and for one who wants them exact. */
import { useState } from "react";
import { visible, withUnit } from "@/lib/format";
import { LABELS, MEASURE_NAMES, type Measure, measureOf } from "@/lib/metrics";
import type { Answer, TokenRecord } from "@/types";

export function MetricTable({ answer }: { answer: Answer }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-muted hover:text-ink">In numbers</summary>
      {/* Computed only while it is open: an answer that streams would otherwise pay for it at every token. */}
      {open && (
        <table className="mt-2 w-full">
          <thead className="text-left text-faint">
            <tr>
              <th className="font-normal">Measure</th>
              <th className="text-right font-normal">mean</th>
              <th className="text-right font-normal">least</th>
              <th className="text-right font-normal">most</th>
              <th className="pl-3 font-normal">at</th>
            </tr>
          </thead>
          <tbody>
            {MEASURE_NAMES.map((measure) => (
              <Summary key={measure} measure={measure} tokens={answer.tokens} />
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

function Summary({ measure, tokens }: { measure: Measure; tokens: readonly TokenRecord[] }) {
  const found = summarise(measure, tokens);
  const at = found && tokens[found.at];
  return (
    <tr>
      <th className="py-0.5 text-left font-normal text-muted">{LABELS[measure]}</th>
      <td className="num text-right">{withUnit(measure, found?.mean ?? Number.NaN)}</td>
      <td className="num text-right">{withUnit(measure, found?.least ?? Number.NaN)}</td>
      <td className="num text-right">{withUnit(measure, found?.most ?? Number.NaN)}</td>
      <td className="num truncate pl-3 text-muted">{at && found && `${visible(at.text)} ${found.at + 1}`}</td>
    </tr>
  );
}

/** Mean and ends of a measure, and the token with the largest value; null where there are none. */
export function summarise(
  measure: Measure,
  tokens: readonly TokenRecord[],
): { mean: number; least: number; most: number; at: number } | null {
  let sum = 0;
  let count = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let at = 0;
  tokens.forEach((token, index) => {
    const value = measureOf(token, measure);
    if (!Number.isFinite(value)) return;
    sum += value;
    count++;
    if (value < least) least = value;
    if (value > most) {
      most = value;
      at = index;
    }
  });
  return count > 0 ? { mean: sum / count, least, most, at } : null;
}
