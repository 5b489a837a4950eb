import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useRouteError } from "react-router";
import { Empty } from "./states";

/** A screen that broke, or whose chunk could not be fetched (an update of the hub in the meantime, or no network). */
export function RouteError() {
  const { t } = useTranslation();
  const error = useRouteError();
  console.error(error);
  return (
    <main className="page">
      <Empty text={t("error.screen")} action={<Button type="primary" onClick={() => location.reload()}>{t("common.reload")}</Button>} />
    </main>
  );
}
