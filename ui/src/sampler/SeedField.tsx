import { Dices } from "lucide-react";
import { IconButton, inputLook } from "@/kit/controls";
import { newSeed } from "@/store/model";

/** The seed: empty for a new one each time; the dice fixes a random one. */
export function SeedField({
  seed,
  onChange,
  label = "Seed",
}: {
  seed: number | null;
  onChange: (seed: number | null) => void;
  label?: string;
}) {
  return (
    <div className="flex items-center gap-1">
      <input
        aria-label={label}
        inputMode="numeric"
        placeholder="new each time"
        className={`${inputLook} num h-8 w-full min-w-0 text-[13px]`}
        value={seed ?? ""}
        onChange={(event) => {
          const digits = event.target.value.replace(/\D/g, "").slice(0, 15);
          onChange(digits === "" ? null : Number(digits));
        }}
      />
      <IconButton
        icon={Dices}
        label="Roll a seed and keep it"
        className="h-8!"
        onClick={() => onChange(newSeed())}
      />
    </div>
  );
}
