// What a screen shows when there is nothing to show yet: skeleton rows, an empty list that says what to do next, an
// error with a way to try again, and old data with the time it is from.
import { Alert, Button, Skeleton } from "antd";
import { InboxOutlined, ReloadOutlined } from "@ant-design/icons";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../api/client";
import { formatTime } from "../i18n/format";

/** The first paint, before anything is known: the background only. */
export function Blank() {
  return <div className="blank" aria-busy="true" />;
}

export function Rows({ count = 6 }: { count?: number }) {
  const { t } = useTranslation();
  return (
    <div className="rows" role="status" aria-busy="true" aria-label={t("common.loading")}>
      {Array.from({ length: count }, (_, i) => (
        <Skeleton key={i} active title={false} paragraph={{ rows: 1, width: "100%" }} />
      ))}
    </div>
  );
}

export function Empty({ text, action }: { text: string; action?: ReactNode }) {
  return (
    <div className="empty">
      <InboxOutlined className="empty-icon" aria-hidden />
      <p>{text}</p>
      {action}
    </div>
  );
}

/** An error in the person's words: the catalogue's text for its code, and the request's id for the help desk. */
export function useErrorText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return t("error.internal");
    const fields = error.problem?.errors ?? [];
    const text = t(`error.${error.code}`);
    return fields.length > 0 ? `${text} (${fields.map((f) => f.field).join(", ")})` : text;
  };
}

export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const request = error instanceof ApiError ? error.problem?.request : undefined;
  return (
    <Alert
      className="failure"
      type="error"
      showIcon
      role="alert"
      title={errorText(error)}
      description={request ? <span className="muted">{t("error.request")} <bdi translate="no">{request}</bdi></span> : undefined}
      action={onRetry && <Button size="small" icon={<ReloadOutlined />} onClick={onRetry}>{t("common.retry")}</Button>}
    />
  );
}

interface QueryViewProps<T> {
  query: UseQueryResult<T, Error>;
  children: (data: T) => ReactNode;
  /** What to show while the first answer is on its way; skeleton rows otherwise. */
  loading?: ReactNode;
}

/** A query's data, or its state. Old data stays on the screen when a later read fails, marked with its age. */
export function QueryView<T>({ query, children, loading }: QueryViewProps<T>) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  if (query.data !== undefined) {
    const gone = query.error instanceof ApiError && (query.error.status === 404 || query.error.status === 403);
    if (gone) return <Failure error={query.error} />;
    return (
      <>
        {query.isError && (
          <Alert
            type="warning"
            showIcon
            banner
            title={`${errorText(query.error)} ${t("common.asOf", { time: formatTime(query.dataUpdatedAt) })}`}
            action={<Button size="small" onClick={() => void query.refetch()}>{t("common.retry")}</Button>}
          />
        )}
        <div className={query.isError ? "stale" : undefined}>{children(query.data)}</div>
      </>
    );
  }
  if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return loading ?? <Rows />;
}
