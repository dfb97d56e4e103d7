import { AUTO, PLAIN, type Samplers } from "@/api/samplers";
import { Select } from "@/kit/controls";
import { glyphOf } from "@/lib/facts";
import { percent } from "@/lib/format";
import { QUADRANT_NAMES } from "@/lib/quadrants";
import type { SamplerSettings } from "@/store/model";

/** What each known sampler is, for the list; an unknown one is shown by its name. */
const ABOUT: Record<string, string> = {
  entropix: "entropix · the published thresholds",
  frog: "frog · the MLX port's variant",
  [PLAIN]: "normal · plain sampling",
};

function labelOf(name: string, { fitted }: Samplers): string {
  if (name !== AUTO) return ABOUT[name] ?? name;
  return fitted
    ? `auto – fitted to ${fitted.model}`
    : "auto – not fitted to this model: the published thresholds";
}

export function PresetSelect({
  samplers,
  settings,
  onChange,
  label = "Sampler",
}: {
  samplers: Samplers;
  settings: SamplerSettings;
  onChange: (change: Partial<SamplerSettings>) => void;
  label?: string;
}) {
  const options = Object.keys(samplers.presets).map((name) => ({
    value: name,
    label: labelOf(name, samplers),
  }));
  return (
    <Select
      label={label}
      className="h-8! w-full text-sm!"
      options={options}
      value={settings.preset}
      onChange={(preset) => onChange({ preset, overrides: {} })}
    />
  );
}

/** What "auto" rests on: the measurement that it was fitted by, or how to make one. */
export function Fitting({ fitted }: Pick<Samplers, "fitted">) {
  if (!fitted)
    return (
      <p className="text-xs text-muted">
        To fit it to the loaded model: <code className="num text-ink">uv run mlx-entropix calibrate</code>
      </p>
    );
  const { date, shares = {}, evidence, command } = fitted;
  const counted = QUADRANT_NAMES.flatMap((name) => {
    const share = shares[name];
    return share === undefined ? [] : `${glyphOf(name)} ${percent(share)}`;
  });
  return (
    <p className="text-xs text-muted" title={command}>
      Thresholds fitted{date && ` on ${date}`} by what this model does.
      {counted.length > 0 && <span className="num"> {counted.join(", ")}.</span>}
      {evidence && ` ${evidence}`}
    </p>
  );
}
