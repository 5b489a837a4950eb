// The own studies and those that another hospital opened to us, newest first.
import { CloudUploadOutlined, EyeOutlined, SearchOutlined } from "@ant-design/icons";
import { Button, DatePicker, Input, Segmented, Select } from "antd";
import dayjs from "dayjs";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import { LinkButton } from "../../ui/LinkButton";
import { type Study, type StudyFilter, useStudies } from "../../api/queries";
import { hasRole } from "../../api/session";
import { formatDate, formatMoment, maskId } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Modalities } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { Page } from "../../ui/Page";
import { PatientName, SexAge } from "../../ui/PatientBand";
import { useSettled } from "../../ui/PatientSelect";
import { Empty, QueryView } from "../../ui/states";
import { useSession } from "../../ui/session-context";
import { Thumbnail } from "../../ui/StudyCard";
import { usePhone } from "../../ui/use-phone";
import { useWarmViewer } from "../../viewer/preload";

const modalities = ["CT", "MR", "US", "CR", "DX", "XA", "NM", "PT", "MG", "ES", "ECG", "OT"];
const scopes = ["all", "own", "granted"] as const;

/** The filter lives in the address, so that a list can be gone back to and handed on. */
export function filterOf(params: URLSearchParams): StudyFilter {
  const scope = scopes.find((s) => s === params.get("scope"));
  const entries = (["query", "modality", "from", "to"] as const).flatMap((key) => {
    const value = params.get(key);
    return value ? [[key, value]] : [];
  });
  return { ...Object.fromEntries(entries), ...(scope && scope !== "all" ? { scope } : {}) };
}

function CaseButtons({ study, size }: { study: Study; size?: "small" }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  if (!hasRole(useSession(), "doctor") || !study.own) return null;
  return (
    <>
      <Button size={size} onClick={() => void navigate(`/consults/new?study=${study.id}`)}>{t("study.consult")}</Button>
      <Button size={size} onClick={() => void navigate(`/referrals/new?study=${study.id}`)}>{t("study.refer")}</Button>
    </>
  );
}

function Whose({ study }: { study: Study }) {
  const { t } = useTranslation();
  const language = useLanguage();
  if (study.own) return <Data>{study.organisation.name}</Data>;
  return (
    <>
      <Data>{study.organisation.name}</Data>
      <span className="cell-sub">{study.access_until ? t("study.until", { date: formatDate(study.access_until, language) }) : t("study.granted")}</span>
    </>
  );
}

function StudyTable({ studies }: { studies: readonly Study[] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const navigate = useNavigate();
  return (
    <div className="table-box">
      <table className="dense">
        <caption className="sr-only">{t("nav.studies")}</caption>
        <thead>
          <tr>
            <th scope="col"><span className="sr-only">{t("study.column.picture")}</span></th>
            {(["patient", "id", "study", "date", "images", "hospital", "received"] as const).map((column) => <th key={column} scope="col">{t(`study.column.${column}`)}</th>)}
            <th scope="col"><span className="sr-only">{t("work.column.actions")}</span></th>
          </tr>
        </thead>
        <tbody>
          {studies.map((study) => (
            <tr key={study.id} data-id={study.id} onDoubleClick={() => void navigate(`/studies/${study.id}/view`)}>
              <td><Thumbnail study={study} size={40} /></td>
              <td><PatientName patient={study.patient} /><span className="cell-sub"><SexAge patient={study.patient} /></span></td>
              <td className="num"><Data>{maskId(study.patient.local_id)}</Data></td>
              <td><Modalities list={study.modalities} /> <Data>{study.description}</Data>{study.accession && <span className="cell-sub num"><Data>{study.accession}</Data></span>}</td>
              <td className="num"><Data>{study.study_date ? formatDate(study.study_date, language) : "–"}</Data></td>
              <td className="num">{t("study.counts", { series: study.series_count, images: study.instance_count })}</td>
              <td><Whose study={study} /></td>
              <td className="num"><Data>{formatMoment(study.received_at, language)}</Data></td>
              <td className="cell-actions">
                <span className="action-bar action-bar-tight">
                  <CaseButtons study={study} size="small" />
                  <Link to={`/studies/${study.id}/view`} className="ant-btn-like"><EyeOutlined aria-hidden /> {t("study.open")}</Link>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StudyCards({ studies }: { studies: readonly Study[] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <ul className="cards">
      {studies.map((study) => (
        <li key={study.id} data-id={study.id} className="card">
          <Link to={`/studies/${study.id}/view`} className="study-row">
            <Thumbnail study={study} size={72} />
            <span className="study-facts">
              <span className="card-name"><PatientName patient={study.patient} /> <SexAge patient={study.patient} /></span>
              <span><Modalities list={study.modalities} /> <Data>{study.description}</Data></span>
              <span className="muted num">{study.study_date && <><Data>{formatDate(study.study_date, language)}</Data> · </>}{t("study.counts", { series: study.series_count, images: study.instance_count })}</span>
              <span className="muted"><Whose study={study} /></span>
            </span>
          </Link>
          <span className="action-bar"><CaseButtons study={study} /></span>
        </li>
      ))}
    </ul>
  );
}

export function Component() {
  const { t } = useTranslation();
  const phone = usePhone();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState(params.get("query") ?? "");
  const settled = useSettled(text);
  const filter = filterOf(params);
  const query = useStudies(filter);
  const total = query.data?.pages[0]?.total;
  useWarmViewer((total ?? 0) > 0);
  const mayUpload = hasRole(useSession(), "doctor", "radiographer", "radiologist", "specialist", "coordinator");

  function change(changes: Record<string, string | undefined>) {
    setParams((before) => {
      const after = new URLSearchParams(before);
      for (const [key, value] of Object.entries(changes)) value ? after.set(key, value) : after.delete(key);
      return after;
    }, { replace: true });
  }
  useEffect(() => {
    if (settled !== (params.get("query") ?? "")) change({ query: settled });
    // eslint-disable-next-line -- only the text that was typed changes the address here
  }, [settled]);

  const filtered = Object.keys(filter).length > 0;
  return (
    <Page
      wide
      title={t("nav.studies")}
      actions={mayUpload && !phone && <Button icon={<CloudUploadOutlined aria-hidden />} onClick={() => void navigate("/upload")}>{t("nav.upload")}</Button>}
    >
      <div className="filter-row" role="search">
        <Input allowClear prefix={<SearchOutlined aria-hidden />} placeholder={t("study.search")} aria-label={t("study.search")} value={text} onChange={(event) => setText(event.target.value)} />
        <Select allowClear className="filter-modality" placeholder={t("study.modality")} aria-label={t("study.modality")} value={filter.modality} onChange={(modality?: string) => change({ modality })} options={modalities.map((value) => ({ value, label: <span translate="no">{value}</span> }))} />
        <DatePicker.RangePicker
          allowEmpty={[true, true]}
          value={[filter.from ? dayjs(filter.from) : null, filter.to ? dayjs(filter.to) : null]}
          onChange={(range) => change({ from: range?.[0]?.format("YYYY-MM-DD"), to: range?.[1]?.format("YYYY-MM-DD") })}
        />
        <Segmented aria-label={t("study.column.hospital")} value={filter.scope ?? "all"} onChange={(scope) => change({ scope: scope === "all" ? undefined : scope })} options={scopes.map((value) => ({ value, label: t(`study.scope.${value}`) }))} />
        {total !== undefined && <span className="muted num filter-total">{t("study.total", { count: total })}</span>}
      </div>
      <QueryView query={query}>
        {(data) => {
          const studies = data.pages.flatMap((page) => page.items);
          if (studies.length === 0) {
            return filtered
              ? <Empty text={t("study.emptyFilter")} action={<Button onClick={() => { setText(""); setParams({}, { replace: true }); }}>{t("work.clearFilter")}</Button>} />
              : <Empty text={t("study.empty")} action={mayUpload && <LinkButton to="/upload" type="primary">{t("nav.upload")}</LinkButton>} />;
          }
          return phone ? <StudyCards studies={studies} /> : <StudyTable studies={studies} />;
        }}
      </QueryView>
      {query.hasNextPage && <div className="more"><Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button></div>}
    </Page>
  );
}
