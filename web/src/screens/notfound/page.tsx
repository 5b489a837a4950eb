import { useTranslation } from "react-i18next";
import { LinkButton } from "../../ui/LinkButton";
import { Page } from "../../ui/Page";
import { Empty } from "../../ui/states";

export function Component() {
  const { t } = useTranslation();
  return (
    <Page title={t("notfound.title")}>
      <Empty text={t("error.not-found")} action={<LinkButton to="/" type="primary">{t("app.home")}</LinkButton>} />
    </Page>
  );
}
