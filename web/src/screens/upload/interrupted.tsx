import { HistoryOutlined } from "@ant-design/icons";
import { Alert, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { formatBytes, formatMoment } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";
import { mayRead } from "./collect";
import type { SavedUpload } from "./saved";
import { uploader } from "./uploader";

/** After a reload: goes on by itself where the browser still knows the files, else the person drops them once more. */
export function Interrupted({ upload }: { upload: SavedUpload }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [lost, setLost] = useState(false);
  const able = !lost && (upload.handles.length > 0 || (upload.documents.length > 0 && upload.documents.length === upload.images));
  const goOn = async () => {
    try {
      if (!(await mayRead(upload.handles))) throw new Error("not allowed");
      await uploader.goOn();
    } catch {
      setLost(true);
    }
  };
  return (
    <Alert
      className="upload-warning"
      type="info"
      showIcon
      icon={<HistoryOutlined aria-hidden />}
      title={t("upload.interrupted", { at: formatMoment(upload.begunAt, language), count: upload.images, size: formatBytes(upload.bytes) })}
      description={
        <>
          <p><Data>{upload.names.slice(0, 5).join(", ")}</Data></p>
          <p>{able ? t("upload.goOnHint") : t("upload.dropAgain")}</p>
          <div className="action-bar">
            {able && <Button type="primary" onClick={() => void goOn()}>{t("upload.goOn")}</Button>}
            <Button onClick={() => uploader.clear()}>{t("upload.forget")}</Button>
          </div>
        </>
      }
    />
  );
}
