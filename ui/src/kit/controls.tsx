import clsx from "clsx";
import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

/** The page's few controls. Look is here; behaviour is the browser's. */

const base =
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md text-sm transition-colors select-none " +
  "disabled:cursor-default disabled:opacity-45";

const looks = {
  primary: "bg-accent text-accent-ink px-3 h-8 font-medium hover:opacity-90",
  plain: "border border-line bg-raised px-3 h-8 hover:border-line-strong",
  quiet: "px-2 h-8 text-muted hover:text-ink hover:bg-line/60",
  danger: "border border-danger/50 text-danger px-3 h-8 hover:bg-danger/10",
};

export function Button({
  look = "plain",
  className,
  ...rest
}: ComponentProps<"button"> & { look?: keyof typeof looks }) {
  return <button type="button" className={clsx(base, looks[look], className)} {...rest} />;
}

/** An icon with a name: the name is what screen readers say and what the pointer shows. */
export function IconButton({
  icon: Icon,
  label,
  keys,
  className,
  size = 16,
  ...rest
}: ComponentProps<"button"> & { icon: LucideIcon; label: string; keys?: string; size?: number }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={keys ? `${label} (${keys})` : label}
      className={clsx(
        base,
        "size-8 text-muted hover:bg-line/60 hover:text-ink aria-pressed:text-ink pointer-coarse:size-10",
        className,
      )}
      {...rest}
    >
      <Icon size={size} strokeWidth={1.75} aria-hidden />
    </button>
  );
}

export interface Option<T extends string> {
  value: T;
  label: string;
  disabled?: boolean;
}

/** A choice among two or three, as radio buttons in one frame. */
export function Segments<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: Option<T>[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="inline-flex rounded-md border border-line bg-panel p-0.5" aria-label={label}>
      {options.map((option) => (
        <label
          key={option.value}
          className={clsx(
            "flex h-6 cursor-pointer items-center rounded px-2 text-[13px] transition-colors",
            "has-focus-visible:outline-2 has-focus-visible:outline-accent",
            option.value === value ? "bg-raised text-ink shadow-xs" : "text-muted hover:text-ink",
          )}
        >
          <input
            type="radio"
            className="sr-only"
            name={label}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

export function Select<T extends string>({
  label,
  options,
  value,
  onChange,
  className,
}: {
  label: string;
  options: Option<T>[];
  value: T;
  onChange: (value: T) => void;
  className?: string;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value as T)}
      className={clsx(
        "h-7 cursor-pointer rounded-md border border-line bg-raised px-1.5 text-[13px] hover:border-line-strong",
        className,
      )}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value} disabled={option.disabled}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

export const inputLook =
  "rounded-md border border-line-strong/60 bg-raised px-2 text-sm placeholder:text-faint focus:border-accent";
