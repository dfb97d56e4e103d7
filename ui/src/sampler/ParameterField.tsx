import clsx from "clsx";
import { RotateCcw } from "lucide-react";
import { memo, useEffect, useId, useState } from "react";
import { IconButton, inputLook } from "@/kit/controls";
import { equal } from "@/lib/overrides";
import { type Field, faultOf } from "./schema";
import { travelOf } from "./slider";

interface Props {
  field: Field;
  value: unknown;
  /** The preset's value. */
  usual: unknown;
  /** Undefined: back to the preset's value. */
  onChange: (field: Field, value: unknown) => void;
}

const STEPS = 200;

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join("\n") : String(value ?? "");
}

function parse(field: Field, text: string): unknown {
  if (field.kind === "list")
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  if (field.kind === "number" || field.kind === "integer")
    return text.trim() === "" ? Number.NaN : Number(text.replace(",", "."));
  return text;
}

function Slider({ field, value, usual, label, onChange }: Props & { label: string }) {
  const travel = typeof usual === "number" ? travelOf(field, usual) : null;
  if (!travel || typeof value !== "number") return null;
  return (
    <input
      type="range"
      className="slider w-full"
      aria-label={label}
      aria-valuetext={String(value)}
      min={0}
      max={STEPS}
      step="any"
      value={travel.toPosition(value) * STEPS}
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const least =
          field.kind === "integer" ? value + by : travel.toValue(travel.toPosition(value) + by / STEPS);
        if (faultOf(field, least) === null) onChange(field, least);
      }}
      onChange={(event) => onChange(field, travel.toValue(Number(event.target.value) / STEPS))}
    />
  );
}

/** A text that becomes a value when it is a valid one; a fault is said below, and nothing is lost. */
function Entry({ field, value, onChange, id }: Props & { id: string }) {
  const [text, setText] = useState(textOf(value));
  const fault = faultOf(field, parse(field, text));
  useEffect(() => {
    setText((old) => (equal(parse(field, old), value) ? old : textOf(value)));
  }, [field, value]);
  const change = (next: string) => {
    setText(next);
    const parsed = parse(field, next);
    if (faultOf(field, parsed) === null) onChange(field, parsed);
  };
  const shared = {
    id,
    value: text,
    "aria-invalid": fault !== null,
    "aria-describedby": fault ? `${id}-fault` : `${id}-about`,
    onBlur: () => fault && setText(textOf(value)),
  };
  return (
    <>
      {field.kind === "list" ? (
        <textarea
          {...shared}
          rows={Math.max(1, text.split("\n").length)}
          className={`${inputLook} num col-span-2 w-full resize-none py-1 text-xs leading-5`}
          onChange={(event) => change(event.target.value)}
        />
      ) : (
        <input
          {...shared}
          type="text"
          inputMode={field.kind === "text" ? "text" : "decimal"}
          autoComplete="off"
          className={clsx(
            `${inputLook} num h-7 text-[13px] aria-invalid:border-danger`,
            field.kind === "text" ? "col-span-2 w-full" : "w-20 text-right",
          )}
          onChange={(event) => change(event.target.value)}
        />
      )}
      {fault && (
        <p id={`${id}-fault`} role="alert" className="col-span-2 text-xs text-danger">
          {fault}
        </p>
      )}
    </>
  );
}

function Control(props: Props & { id: string }) {
  const { field, value, onChange, id } = props;
  if (field.kind === "boolean")
    return (
      <input
        id={id}
        type="checkbox"
        className="size-4 justify-self-start accent-accent"
        checked={value === true}
        onChange={(event) => onChange(field, event.target.checked)}
      />
    );
  if (field.kind === "choice")
    return (
      <select
        id={id}
        className={`${inputLook} col-span-2 h-7`}
        value={String(value)}
        onChange={(event) => onChange(field, event.target.value)}
      >
        {field.choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  const slider = field.kind === "number" || field.kind === "integer";
  return (
    <>
      {slider && <Slider {...props} label={field.label} />}
      <Entry {...props} />
    </>
  );
}

/** One parameter: name, changed-mark and reset, slider and number, what it does and its range. */
export const ParameterField = memo(function ParameterField(props: Props) {
  const { field, value, usual, onChange } = props;
  const id = useId();
  const changed = !equal(value, usual);
  const range =
    field.minimum !== null && field.maximum !== null ? `${field.minimum} to ${field.maximum}` : "";
  return (
    <div
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 py-2"
      data-field={field.id}
    >
      <div className="col-span-2 flex h-6 items-center gap-2">
        <label htmlFor={id} className="text-[13px] font-medium">
          {field.label}
        </label>
        {changed && (
          <>
            <span className="rounded-full bg-accent/12 px-1.5 text-[11px] leading-4 text-accent">
              changed
            </span>
            <span className="num text-xs text-faint">
              was {textOf(usual).replaceAll("\n", ", ") || "none"}
            </span>
            <IconButton
              icon={RotateCcw}
              size={13}
              className="ml-auto size-6!"
              label={`Reset ${field.label}`}
              onClick={() => onChange(field, undefined)}
            />
          </>
        )}
      </div>
      <Control {...props} id={id} />
      <p id={`${id}-about`} className="col-span-2 text-xs leading-[1.45] text-muted">
        {field.description} {range && <span className="num whitespace-nowrap text-faint">{range}</span>}
      </p>
    </div>
  );
});
