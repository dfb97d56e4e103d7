/** Any answers laid over each other on one metric, lined up at their start, their end or a phrase. */
import { memo, useMemo, useRef, useState } from "react";
import { MetricPlot } from "@/instruments/MetricPlot";
import { summarise } from "@/instruments/MetricTable";
import type { Line } from "@/instruments/plotColumns";
import { type Smoothing, SmoothingChoice, ZoomButtons } from "@/instruments/plotControls";
import { useXView } from "@/instruments/Timeline";
import { useTurns } from "@/instruments/turns";
import { type Alignment, anchors, sharedPrefix } from "@/lib/align";
import { readConditions, thresholdsOf } from "@/lib/conditions";
import { percent, plural, withUnit } from "@/lib/format";
import { LABELS, MEASURE_NAMES, type Measure } from "@/lib/metrics";
import { shares } from "@/lib/quadrants";
import { MeasureSeries } from "@/lib/series";
import type { Answer } from "@/types";

export interface CompareProps {
  answers: Answer[];
}

/** Told apart by dash as well as by colour. */
const DASHES: (number[] | undefined)[] = [undefined, [8, 4], [2, 3], [10, 3, 2, 3], [14, 4], [4, 2]];
const PLOT_HEIGHT = 240;

export function Compare({ answers: current }: CompareProps) {
  return <Overlay answers={useTurns(current)} />;
}

const Overlay = memo(function Overlay({ answers }: { answers: readonly Answer[] }) {
  const [measure, setMeasure] = useState<Measure>("logits_entropy");
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<Alignment["at"]>("start");
  const [phrase, setPhrase] = useState("");
  const [smoothing, setSmoothing] = useState<Smoothing>(16);
  const view = useXView();
  const alignment: Alignment = at === "phrase" ? { at, phrase } : { at };
  const anchored = anchors(answers, alignment);
  const lines = useLines(answers, anchored, hidden, measure, smoothing);
  const thresholds = useMemo(
    () =>
      thresholdsOf(
        readConditions(answers[0]?.config ?? null),
        measure === "logprob" ? "logits_entropy" : measure,
      ),
    [answers[0]?.config, measure],
  );
  if (answers.length < 2) {
    return (
      <p className="p-4 text-sm text-muted">
        Two answers or more are laid over each other here. Regenerate, fork, or pick answers of other
        conversations.
      </p>
    );
  }
  view.extend(
    Math.min(...lines.map(({ anchor }) => -anchor), 0),
    Math.max(...lines.map(({ anchor, answer }) => answer.tokens.length - 1 - anchor), 0),
  );
  const toggle = (id: string) =>
    setHidden((now) => new Set(now.has(id) ? [...now].filter((one) => one !== id) : [...now, id]));

  return (
    <section className="flex flex-col gap-3 p-3 text-xs" aria-label="Compare">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 text-muted">
        <Choice
          label="Measure"
          value={measure}
          choices={MEASURE_NAMES.map((name) => [name, LABELS[name]])}
          onChange={setMeasure}
        />
        <Choice
          label="Line up at"
          value={at}
          choices={[
            ["start", "the start"],
            ["end", "the end"],
            ["phrase", "a phrase"],
          ]}
          onChange={setAt}
        />
        {at === "phrase" && (
          <input
            className="min-w-0 flex-1 basis-28 rounded-md border border-line-strong bg-page px-2 py-1 text-ink"
            value={phrase}
            onChange={(event) => setPhrase(event.target.value)}
            placeholder="9.9 is"
            aria-label="Phrase to line up at"
          />
        )}
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <SmoothingChoice value={smoothing} onChange={setSmoothing} />
        <div className="ml-auto">
          <ZoomButtons view={view} zoomed={view.zoomed} />
        </div>
      </div>
      {lines.length > 0 ? (
        <MetricPlot
          measure={measure}
          lines={lines}
          view={view}
          height={PLOT_HEIGHT}
          average={smoothing > 0}
          slope={false}
          xLabels
          decoration={{ thresholds: measure === "logprob" ? [] : thresholds }}
          label={`${LABELS[measure]} of ${lines.length} answers, lined up at their ${at}`}
        />
      ) : (
        <p className="text-sm text-muted" style={{ height: PLOT_HEIGHT }}>
          {at === "phrase" ? "Type a phrase that occurs in these answers." : "Choose an answer below."}
        </p>
      )}
      <ul className="flex flex-col divide-y divide-line border-y border-line">
        {answers.map((answer, i) => (
          <Item
            key={answer.id}
            answer={answer}
            first={answers[0] as Answer}
            slot={i}
            measure={measure}
            missing={at === "phrase" && phrase.trim() !== "" && anchored[i] === null}
            shown={!hidden.has(answer.id)}
            onToggle={() => toggle(answer.id)}
          />
        ))}
      </ul>
    </section>
  );
});

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, value, choices, onChange }: ChoiceProps<T>) {
  return (
    <label className="flex items-center gap-2">
      {label}
      <select
        className="rounded-md border border-line-strong bg-raised px-2 py-1 text-ink"
        value={value}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {choices.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ItemProps {
  answer: Answer;
  first: Answer;
  slot: number;
  measure: Measure;
  missing: boolean;
  shown: boolean;
  onToggle: () => void;
}

/** One answer of the legend: its line, what it comes to, and where it left the first one. */
function Item({ answer, first, slot, measure, missing, shown, onToggle }: ItemProps) {
  const summary = summarise(measure, answer.tokens);
  const shared = answer === first ? null : sharedPrefix(first.tokens, answer.tokens);
  const sure = shares(answer.tokens)[0];
  return (
    <li className="py-1.5">
      <label className="flex items-center gap-2">
        <input type="checkbox" className="accent-(--accent)" checked={shown} onChange={onToggle} />
        <svg width="28" height="8" aria-hidden="true">
          <line
            x1="0"
            x2="28"
            y1="4"
            y2="4"
            strokeWidth="2.5"
            style={{ stroke: colourOf(slot) }}
            strokeDasharray={dashOf(slot)?.join(" ")}
          />
        </svg>
        <span className="min-w-0 truncate text-[13px] text-ink">{answer.label}</span>
        <span className="num ml-auto shrink-0 text-muted">
          {summary ? `mean ${withUnit(measure, summary.mean)}` : "no tokens yet"}
        </span>
      </label>
      <p className="num pl-[58px] text-faint">
        {plural(answer.tokens.length, "token")}
        {sure && ` · ~ ${percent(sure.share)}`}
        {shared !== null && ` · like the first for ${plural(shared, "token")}`}
        {missing && <span className="text-warn"> · the phrase does not occur</span>}
      </p>
    </li>
  );
}

const colourOf = (slot: number) => `var(--line-${(slot % DASHES.length) + 1})`;
const dashOf = (slot: number) => DASHES[slot % DASHES.length];

/** The lines to draw: answers that are shown and have an anchor. */
function useLines(
  answers: readonly Answer[],
  anchored: readonly (number | null)[],
  hidden: ReadonlySet<string>,
  measure: Measure,
  window: number,
): Line[] {
  const kept = useRef(new Map<string, MeasureSeries>());
  return answers.flatMap((answer, i) => {
    const anchor = anchored[i];
    if (anchor === null || anchor === undefined || hidden.has(answer.id)) return [];
    const key = `${measure} ${answer.id}`;
    const series = kept.current.get(key) ?? new MeasureSeries(measure);
    kept.current.set(key, series);
    return {
      answer,
      series: series.update(answer.tokens, window),
      anchor,
      colour: colourOf(i),
      dash: dashOf(i),
    };
  });
}
