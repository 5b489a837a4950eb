import { Form, Select } from "antd";
import { useTranslation } from "react-i18next";
import { useOrganisations } from "../api/queries";
import { useSession } from "./session-context";

/** Where a case goes: a hospital that an agreement allows, and one of its departments. */
export function TargetFields({ scope, departmentRequired }: { scope: "consult" | "referral"; departmentRequired: boolean }) {
  const { t } = useTranslation();
  const session = useSession();
  const form = Form.useFormInstance();
  const query = useOrganisations();
  const chosen: string | undefined = Form.useWatch("to_organisation", { form, preserve: true });
  const targets = (query.data ?? []).filter((org) => org.id !== session.organisation.id && org.may.includes(scope));
  const departments = targets.find((org) => org.id === chosen)?.departments ?? [];
  const label = (name: string) => <span translate="no">{name}</span>;
  return (
    <div className="two-fields">
      <Form.Item name="to_organisation" label={t("case.toOrganisation")} rules={[{ required: true, message: t("common.required") }]}>
        <Select
          loading={query.isLoading}
          placeholder={t("case.chooseOrganisation")}
          notFoundContent={query.isError ? t("error.unavailable") : t("case.noTarget")}
          options={targets.map((org) => ({ value: org.id, label: label(org.name) }))}
          onChange={() => form.setFieldValue("to_department", undefined)}
        />
      </Form.Item>
      <Form.Item name="to_department" label={t("case.toDepartment")} rules={departmentRequired ? [{ required: true, message: t("common.required") }] : []}>
        <Select
          allowClear={!departmentRequired}
          disabled={!chosen}
          placeholder={departmentRequired ? t("case.chooseDepartment") : t("case.anyDepartment")}
          options={departments.map((d) => ({ value: d.id, label: label(d.name) }))}
        />
      </Form.Item>
    </div>
  );
}
