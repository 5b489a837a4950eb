import { Checkbox } from "antd";
import { useTranslation } from "react-i18next";
import { useStudies } from "../api/queries";
import { Empty, QueryView } from "./states";
import { StudyFacts, Thumbnail } from "./StudyCard";

interface Props {
  patient: string;
  value?: string[];
  onChange?: (ids: string[]) => void;
}

/** The own studies of one patient, to be attached to a case. */
export function StudyPicker({ patient, value = [], onChange }: Props) {
  const { t } = useTranslation();
  const query = useStudies({ patient, scope: "own" });
  const toggle = (id: string, on: boolean) => onChange?.(on ? [...value, id] : value.filter((v) => v !== id));
  return (
    <QueryView query={query}>
      {(data) => {
        const studies = data.pages.flatMap((page) => page.items);
        if (studies.length === 0) return <Empty text={t("study.noneOfPatient")} />;
        return (
          <div className="study-list">
            {studies.map((study) => (
              <Checkbox key={study.id} className="study-card study-check" checked={value.includes(study.id)} onChange={(event) => toggle(study.id, event.target.checked)}>
                <Thumbnail study={study} />
                <StudyFacts study={study} />
              </Checkbox>
            ))}
          </div>
        );
      }}
    </QueryView>
  );
}
