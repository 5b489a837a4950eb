import { Form, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { UrgencyChip, type Urgency } from "./chips";

export function UrgencyField({ values }: { values: readonly Urgency[] }) {
  const { t } = useTranslation();
  return (
    <Form.Item name="urgency" label={t("case.urgency")} rules={[{ required: true, message: t("common.required") }]}>
      <Radio.Group className="urgency-field" options={values.map((value) => ({ value, label: <UrgencyChip urgency={value} /> }))} />
    </Form.Item>
  );
}
