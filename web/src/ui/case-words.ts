// The words for steps and coded reasons. The hub decides which steps there are; the catalogues name those it is known to
// have, and a step that is newer than this client shows under the hub's own name.
import { useTranslation } from "react-i18next";
import type en from "../i18n/en.json";

type Actions = keyof (typeof en)["action"];
type Events = keyof (typeof en)["event"];
type Reasons = keyof (typeof en)["reason"];

export function useActionText(): (action: string) => string {
  const { t, i18n } = useTranslation();
  return (action) => (i18n.exists(`action.${action}`) ? t(`action.${action as Actions}`) : action.replaceAll("_", " "));
}

/** The same steps as they stand in a timeline, when they are done. */
export function useEventText(): (action: string) => string {
  const { t, i18n } = useTranslation();
  return (action) => (i18n.exists(`event.${action}`) ? t(`event.${action as Events}`) : action.replaceAll("_", " "));
}

export function useReasonText(): (code: string) => string {
  const { t, i18n } = useTranslation();
  return (code) => (i18n.exists(`reason.${code}`) ? t(`reason.${code as Reasons}`) : code.replaceAll("_", " "));
}
