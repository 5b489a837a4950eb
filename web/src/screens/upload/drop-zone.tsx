// Where folders, files and archives are dropped or chosen.
import { CameraOutlined, CloudUploadOutlined, FolderOpenOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { type ChangeEvent, type DragEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Collected, filesOfDrop, filesOfInput, hasFolderPicker, pickFolder } from "./collect";
import { uploader } from "./uploader";

function collect(find: () => Collected | null | Promise<Collected | null>): void {
  void (async () => {
    try {
      const collected = await find();
      if (collected !== null) await uploader.add(collected);
    } catch {
      uploader.refuse("");
    }
  })();
}

interface Props {
  busy: boolean;
  onDocument: () => void;
}

export function DropZone({ busy, onDocument }: Props) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);

  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!busy) collect(() => filesOfDrop(event.dataTransfer));
  };
  const onChosen = (event: ChangeEvent<HTMLInputElement>) => {
    const list = event.target.files;
    if (list) collect(() => filesOfInput(list));
    event.target.value = "";
  };
  const onFolder = () => (hasFolderPicker ? collect(pickFolder) : folder.current?.click());
  return (
    <div
      className={over ? "drop drop-over" : "drop"}
      data-testid="drop-zone"
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <CloudUploadOutlined className="drop-icon" aria-hidden />
      <p className="drop-text">{t("upload.drop")}</p>
      <p className="muted">{t("upload.dropHint")}</p>
      <div className="action-bar">
        <Button icon={<FolderOpenOutlined aria-hidden />} disabled={busy} onClick={onFolder}>{t("upload.folder")}</Button>
        <Button disabled={busy} onClick={() => files.current?.click()}>{t("upload.files")}</Button>
        <Button className="upload-photo" icon={<CameraOutlined aria-hidden />} disabled={busy} onClick={onDocument}>{t("upload.document.open")}</Button>
      </div>
      <input ref={folder} type="file" multiple hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="folder-input" />
      <input ref={files} type="file" multiple hidden tabIndex={-1} aria-hidden onChange={onChosen} data-testid="files-input" />
    </div>
  );
}
