/** The metrics of an answer over its tokens, one strip each, all showing the same stretch. */
import { type KeyboardEvent, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { onTokenKey } from "@/instruments/keys";
import { MetricPlot } from "@/instruments/MetricPlot";
import { MetricTable } from "@/instruments/MetricTable";
import {
  AnswerPicker,
  type Smoothing,
  SmoothingChoice,
  Toggle,
  usePicked,
  ZoomButtons,
} from "@/instruments/plotControls";
import { markedIn, useSelection } from "@/instruments/selection";
import { TokenPopover, useCardPoint } from "@/instruments/TokenPopover";
import { inTurns } from "@/instruments/turns";
import { XView } from "@/instruments/xView";
import { readConditions, thresholdsOf } from "@/lib/conditions";
import { brief, plural, visible, withUnit } from "@/lib/format";
import { LABELS, METRIC_NAMES, measureDescription } from "@/lib/metrics";
import { MeasureSeries } from "@/lib/series";
import type { Answer, MetricName, OnFork } from "@/types";

export interface TimelineProps {
  /** The first is shown; with several, a picker says which. */
  answers: Answer[];
  onFork?: OnFork | undefined;
}

const STRIP_HEIGHT = 112;

export function Timeline({ answers, onFork }: TimelineProps) {
  const [answer, pick] = usePicked(answers);
  if (!answer)
    return <p className="p-4 text-sm text-muted">Ask something: its tokens are drawn here as they arrive.</p>;
  return (
    <section className="flex flex-col gap-3 p-3" aria-label="Timeline">
      <AnswerPicker answers={answers} answer={answer} onPick={pick} />
      <Strips key={answer.id} answer={answer} onFork={onFork} />
    </section>
  );
}

function Strips({ answer, onFork }: { answer: Answer; onFork: OnFork | undefined }) {
  const [shown, setShown] = useState<readonly MetricName[]>(["logits_entropy", "logits_varentropy"]);
  const [smoothing, setSmoothing] = useState<Smoothing>(16);
  const [slope, setSlope] = useState(false);
  const holder = useRef<HTMLDivElement>(null);
  const view = useXView();
  const card = useCardPoint(answer.id, "timeline");
  view.extend(0, answer.tokens.length - 1);

  const toggle = (metric: MetricName) =>
    setShown((now) => METRIC_NAMES.filter((name) => (name === metric) !== now.includes(name)));
  return (
    <>
      <fieldset className="flex flex-wrap gap-1" aria-label="Metrics shown">
        {METRIC_NAMES.map((metric) => (
          <Toggle
            key={metric}
            pressed={shown.includes(metric)}
            onChange={() => toggle(metric)}
            title={measureDescription(metric)}
          >
            {LABELS[metric]}
          </Toggle>
        ))}
      </fieldset>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <SmoothingChoice value={smoothing} onChange={setSmoothing} />
        {smoothing > 0 && (
          <Toggle
            pressed={slope}
            onChange={setSlope}
            title="Least-squares slope over the last tokens, per token"
          >
            Slope
          </Toggle>
        )}
        <div className="ml-auto">
          <ZoomButtons view={view} zoomed={view.zoomed} />
        </div>
      </div>
      {answer.tokens.length === 0 ? (
        <p className="text-sm text-muted">The first token has not arrived yet.</p>
      ) : (
        // biome-ignore lint/a11y/useSemanticElements: a group of plots, not of form fields
        <div
          ref={holder}
          role="group"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through the tokens from here
          tabIndex={0}
          aria-label="Strips. Arrow keys go from token to token; plus, minus and 0 zoom."
          className="flex flex-col gap-2 rounded-md outline-offset-4"
          onKeyDown={(event) => onKey(event, answer, view)}
        >
          {shown.length === 0 && <p className="text-sm text-muted">Choose a metric above.</p>}
          {shown.map((metric, i) => (
            <Strip
              key={metric}
              answer={answer}
              metric={metric}
              view={view}
              smoothing={smoothing}
              slope={slope && smoothing > 0}
              first={i === 0}
              last={i === shown.length - 1}
            />
          ))}
        </div>
      )}
      <MetricTable answer={answer} />
      {card?.pinned && (
        <TokenPopover
          answer={answer}
          point={card}
          onFork={onFork}
          anchor={() => holder.current?.querySelector(".u-cursor-x") ?? null}
          home={() => holder.current}
        />
      )}
    </>
  );
}

interface StripProps {
  answer: Answer;
  metric: MetricName;
  view: XView;
  smoothing: Smoothing;
  /** Whether the slope is drawn, too. */
  slope: boolean;
  first: boolean;
  last: boolean;
}

/** Each strip has its own turn while the answer streams, so that six of them do not share a frame. */
const Strip = inTurns(function Strip({ answer, metric, view, smoothing, slope, first, last }: StripProps) {
  const [kept] = useState(() => new MeasureSeries(metric));
  const series = kept.update(answer.tokens, smoothing);
  const thresholds = useMemo(
    () => thresholdsOf(readConditions(answer.config), metric),
    [answer.config, metric],
  );
  return (
    <div>
      <Readout answer={answer} series={series} metric={metric} smoothing={smoothing} />
      <MetricPlot
        measure={metric}
        lines={[{ answer, series, anchor: 0, colour: "var(--accent)" }]}
        view={view}
        height={STRIP_HEIGHT + (last ? 22 : 0) + (first ? 4 : 0)}
        average={smoothing > 0}
        slope={slope}
        xLabels={last}
        decoration={{ thresholds, ribbon: first ? answer.tokens : undefined }}
        label={`${LABELS[metric]} over ${plural(answer.tokens.length, "token")}`}
      />
    </div>
  );
});

type ReadoutProps = Pick<StripProps, "answer" | "metric" | "smoothing"> & { series: MeasureSeries };

/** The strip's name, and the numbers of the marked token, else of the latest; mean and slope in the metric's unit. */
function Readout({ answer, series, metric, smoothing }: ReadoutProps) {
  const marked = useSelection((state) => markedIn(state, answer.id));
  const index = marked ?? answer.tokens.length - 1;
  const token = answer.tokens[index];
  return (
    <p className="flex items-baseline gap-x-3 overflow-hidden pl-1 text-xs whitespace-nowrap text-muted">
      <span className="font-semibold text-ink">{LABELS[metric]}</span>
      {token && (
        <>
          <span className="num text-ink">{withUnit(metric, token[metric])}</span>
          {smoothing > 0 && (
            <>
              <span className="num">mean {brief(series.average[index] ?? Number.NaN)}</span>
              <span className="num">slope {brief(series.slope[index] ?? Number.NaN)}/token</span>
            </>
          )}
          <span className="num ml-auto truncate">
            {visible(token.text || token.token)} {index + 1}
          </span>
        </>
      )}
    </p>
  );
}

/** One shared stretch; the component draws again when it is zoomed, for the buttons' sake. */
export function useXView(): XView {
  const [view] = useState(() => new XView());
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => view.subscribe(redraw), [view]);
  return view;
}

function onKey(event: KeyboardEvent, answer: Answer, view: XView): void {
  if (!event.ctrlKey && !event.metaKey) {
    if (event.key === "+" || event.key === "=") view.zoom(0.5);
    if (event.key === "-") view.zoom(2);
    if (event.key === "0") view.reset();
  }
  const next = onTokenKey(event, answer, "timeline");
  const [min, max] = view.range;
  if (next !== null && (next < min || next > max)) view.show(next - (max - min) / 2, next + (max - min) / 2);
}
