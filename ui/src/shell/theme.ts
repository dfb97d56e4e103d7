import { useEffect } from "react";
import { useMedia } from "@/kit/media";
import { useSettings } from "@/store/settings";

/** Puts the theme in force on <html>: the person's choice, else the system's. */
export function useTheme(): "light" | "dark" {
  const wish = useSettings((s) => s.theme);
  const systemDark = useMedia("(prefers-color-scheme: dark)");
  const theme = wish === "system" ? (systemDark ? "dark" : "light") : wish;
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return theme;
}
