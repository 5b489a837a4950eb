import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Page } from "../../ui/Page";
import { Empty } from "../../ui/states";

export function Component() {
  const { t } = useTranslation();
  return (
    <Page title={t("notfound.title")}>
      <Empty text={t("error.not-found")} action={<Link to="/"><Button type="primary">{t("app.home")}</Button></Link>} />
    </Page>
  );
}
