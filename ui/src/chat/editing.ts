import { create } from "zustand";

/** The message of a person's that is being written anew, wherever that was asked for. */
export const useEditing = create<{ id: string | null }>(() => ({ id: null }));

export function startEditing(id: string | null): void {
  useEditing.setState({ id });
}
