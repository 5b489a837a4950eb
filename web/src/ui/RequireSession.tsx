import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Navigate, Outlet, useLocation } from "react-router";
import { followChanges } from "../api/live";
import { useSessionQuery } from "../api/session";
import { isLanguage, type Language, pseudoLanguage } from "../i18n/languages";
import { i18n, setLanguage } from "../i18n";
import { OfflineBar } from "./OfflineBar";
import { SessionContext } from "./session-context";
import { SessionLost } from "./SessionLost";
import { Blank, Failure } from "./states";

/** Everything behind the sign-in: knows who is there, and asks again over the page when the session ends. */
export function RequireSession() {
  const query = useSessionQuery();
  const location = useLocation();
  const queries = useQueryClient();
  const preferred = query.data?.person.language;
  const signedIn = Boolean(query.data);

  useEffect(() => (signedIn ? followChanges(queries) : undefined), [signedIn, queries]);

  useEffect(() => {
    if (isLanguage(preferred) && i18n.language !== pseudoLanguage && i18n.language !== preferred) {
      void setLanguage(preferred satisfies Language);
    }
  }, [preferred]);

  if (query.data) {
    return (
      <SessionContext value={query.data}>
        <OfflineBar />
        <Outlet />
        <SessionLost login={query.data.person.login} person={query.data.person.id} />
      </SessionContext>
    );
  }
  if (query.data === null) {
    const next = location.pathname === "/" ? "" : `?next=${encodeURIComponent(location.pathname + location.search)}`;
    return <Navigate to={`/sign-in${next}`} replace />;
  }
  if (query.isError) {
    return <div className="page"><Failure error={query.error} onRetry={() => void query.refetch()} /></div>;
  }
  return <Blank />;
}
