import { PLAIN, type Samplers } from "@/api/samplers";
import { Select } from "@/app/controls";
import type { SamplerSettings } from "@/store/model";

/** What each known sampler is, for the list; an unknown one is shown by its name. */
const ABOUT: Record<string, string> = {
  entropix: "entropix · adapts to uncertainty",
  frog: "frog · the MLX port's variant",
  [PLAIN]: "normal · plain sampling",
};

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
  const options = Object.keys(samplers.presets).map((name) => ({ value: name, label: ABOUT[name] ?? name }));
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
