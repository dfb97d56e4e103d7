import { useCallback } from "react";
import { useSelection } from "@/instruments/selection";
import { attempt } from "@/kit/notices";
import { forkAnswer } from "@/store/generation";
import type { Message } from "@/store/model";
import { useSettings } from "@/store/settings";
import { forkEverywhere, forkTimes } from "@/store/tries";
import type { OnFork } from "@/types";
import { inspect } from "./inspected";

/** Opens the tree of an answer's paths. */
export function showPaths(id: string): void {
  inspect(id);
  useSettings.setState({ tab: "forks" });
}

/** What a token's card does: one continuation is a version of its own; several are paths beside the answer. */
export function useForking(message: Message): OnFork {
  return useCallback(
    (index, choice, times = 1) =>
      void attempt(() => {
        if (times === 1) return forkAnswer(message, index, choice);
        useSelection.getState().select(null, "text"); // its card would cover what comes of it
        showPaths(message.id);
        return forkTimes(message, index, choice, times);
      }),
    [message],
  );
}

/** Tries every place where an answer hesitated, and shows what comes of it. */
export function everywhere(message: Message): void {
  showPaths(message.id);
  void attempt(() => forkEverywhere(message));
}
