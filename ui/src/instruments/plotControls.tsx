/** Small controls that the plots share. */
import { type ReactNode, useState } from "react";
import type { XView } from "@/instruments/xView";
import { Segments } from "@/kit/controls";
import type { Answer } from "@/types";

interface ToggleProps {
  pressed: boolean;
  onChange: (pressed: boolean) => void;
  title?: string | undefined;
  children: ReactNode;
}

/** A button that is in or out. */
export function Toggle({ pressed, onChange, title, children }: ToggleProps) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      title={title}
      onClick={() => onChange(!pressed)}
      className="rounded-md border border-line px-2 py-0.5 text-xs text-muted hover:text-ink aria-pressed:border-line-strong aria-pressed:bg-raised aria-pressed:text-ink"
    >
      {children}
    </button>
  );
}

/** Tokens that moving average and slope look back over; 0: the raw values alone. */
export type Smoothing = 0 | 4 | 8 | 16 | 32;

const SMOOTHINGS: readonly Smoothing[] = [0, 4, 8, 16, 32];

export function SmoothingChoice({
  value,
  onChange,
}: {
  value: Smoothing;
  onChange: (value: Smoothing) => void;
}) {
  return (
    <div className="flex items-center gap-2 text-xs text-muted">
      <span title="Moving average and slope look back over so many tokens">Smoothing</span>
      <Segments
        label="Smoothing, in tokens"
        value={String(value)}
        onChange={(next) => onChange(Number(next) as Smoothing)}
        options={SMOOTHINGS.map((tokens) => ({
          value: String(tokens),
          label: tokens === 0 ? "off" : String(tokens),
        }))}
      />
    </div>
  );
}

/** Zoom by button, for keys and fingers. */
export function ZoomButtons({ view, zoomed }: { view: XView; zoomed: boolean }) {
  const style =
    "h-6 min-w-6 rounded-md border border-line px-1.5 text-xs text-muted enabled:hover:text-ink disabled:opacity-50";
  return (
    <div className="flex gap-1">
      <button type="button" className={style} aria-label="Zoom in" onClick={() => view.zoom(0.5)}>
        +
      </button>
      <button
        type="button"
        className={style}
        aria-label="Zoom out"
        disabled={!zoomed}
        onClick={() => view.zoom(2)}
      >
        −
      </button>
      <button type="button" className={style} disabled={!zoomed} onClick={() => view.reset()}>
        All
      </button>
    </div>
  );
}

/** The answer that was picked, else the first; and the way to pick another. */
export function usePicked(answers: readonly Answer[]): [Answer | undefined, (id: string) => void] {
  const [id, pick] = useState<string | null>(null);
  return [answers.find((answer) => answer.id === id) ?? answers[0], pick];
}

interface AnswerPickerProps {
  answers: readonly Answer[];
  answer: Answer;
  onPick: (id: string) => void;
}

/** Nothing to pick from one answer. */
export function AnswerPicker({ answers, answer, onPick }: AnswerPickerProps) {
  if (answers.length < 2) return null;
  return (
    <label className="flex items-center gap-2 text-xs text-muted">
      Answer
      <select
        className="min-w-0 flex-1 rounded-md border border-line-strong bg-raised px-2 py-1 text-ink"
        value={answer.id}
        onChange={(event) => onPick(event.target.value)}
      >
        {answers.map(({ id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
