// Before entering: does the camera show me, does the microphone hear me. Nothing is sent yet.
import { AudioMutedOutlined, AudioOutlined, ArrowLeftOutlined, VideoCameraOutlined, WarningOutlined } from "@ant-design/icons";
import { Button, Select } from "antd";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { capture, listDevices, meter, type Capture, type DeviceChoice } from "./devices";
import { Video } from "./Media";

interface PreJoinProps {
  title: string;
  busy: boolean;
  onBack: () => void;
  onJoin: (captured: Capture, choice: DeviceChoice) => void;
}

function stop(captured: Capture | null): void {
  captured?.audio?.stop();
  captured?.video?.stop();
}

/** Captures for the check; what was captured goes into the room, or is stopped when the screen goes away. */
function useCapture(choice: DeviceChoice) {
  const [captured, setCaptured] = useState<Capture | null>(null);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const handed = useRef(false);
  const { microphone, camera } = choice;
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let mine: Capture | null = null;
    let over = false;
    setCaptured(null);
    void capture({ microphone, camera }).then(async (one) => {
      mine = one;
      if (over) return stop(one);
      setCaptured(one);
      setDevices(await listDevices());
    });
    return () => {
      over = true;
      if (!handed.current) stop(mine);
    };
  }, [microphone, camera, attempt]);
  const hand = useCallback(() => (handed.current = true), []);
  return { captured, devices, hand, again: () => setAttempt((count) => count + 1) };
}

function Level({ track }: { track: MediaStreamTrack }) {
  const { t } = useTranslation();
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      meter(track, (level) => {
        if (bar.current !== null) bar.current.style.transform = `scaleX(${level})`;
      }),
    [track],
  );
  return (
    <span className="level" role="img" aria-label={t("room.level")}>
      <span ref={bar} />
    </span>
  );
}

export function PreJoin({ title, busy, onBack, onJoin }: PreJoinProps) {
  const { t } = useTranslation();
  const [choice, setChoice] = useState<DeviceChoice>({});
  const [microphoneOn, setMicrophoneOn] = useState(true);
  const [cameraOn, setCameraOn] = useState(true);
  const { captured, devices, hand, again } = useCapture(choice);
  const preview = useMemo(() => (captured?.video ? new MediaStream([captured.video]) : null), [captured]);
  const audio = captured?.audio ?? null;

  const options = (kind: MediaDeviceKind) =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map((device, index) => ({ value: device.deviceId, label: device.label || `${index + 1}` }));

  const join = () => {
    if (captured === null) return;
    hand();
    if (captured.audio !== null) captured.audio.enabled = microphoneOn;
    if (!cameraOn) captured.video?.stop();
    onJoin({ ...captured, video: cameraOn ? captured.video : null }, choice);
  };

  return (
    <section className="prejoin" aria-label={t("room.check")}>
      <h1>{title || t("room.title")}</h1>
      <div className="prejoin-preview">
        {preview !== null && cameraOn ? (
          <Video stream={preview} label={t("room.preview")} mirrored />
        ) : (
          <p className="muted">{t(captured === null ? "room.asking" : "room.cameraOff")}</p>
        )}
      </div>
      {captured?.problem != null && (
        <p className="prejoin-problem" role="alert">
          <WarningOutlined aria-hidden /> {t(`room.device.${captured.problem}`)}{" "}
          <Button size="small" onClick={again}>{t("common.retry")}</Button>
        </p>
      )}
      <div className="prejoin-switches">
        <button type="button" className="control" aria-pressed={microphoneOn && audio !== null} disabled={audio === null} onClick={() => setMicrophoneOn(!microphoneOn)}>
          <span aria-hidden>{microphoneOn && audio !== null ? <AudioOutlined /> : <AudioMutedOutlined />}</span>
          {t("room.microphone")}
        </button>
        <button type="button" className="control" aria-pressed={cameraOn && preview !== null} disabled={captured?.video == null} onClick={() => setCameraOn(!cameraOn)}>
          <span aria-hidden><VideoCameraOutlined /></span>
          {t("room.camera")}
        </button>
        {audio !== null && microphoneOn && <Level track={audio} />}
      </div>
      {devices.length > 0 && (
        <div className="prejoin-devices">
          <Select aria-label={t("room.microphone")} placeholder={t("room.microphone")} value={choice.microphone} options={options("audioinput")} onChange={(microphone: string) => setChoice({ ...choice, microphone })} />
          <Select aria-label={t("room.camera")} placeholder={t("room.camera")} value={choice.camera} options={options("videoinput")} onChange={(camera: string) => setChoice({ ...choice, camera })} />
        </div>
      )}
      <div className="prejoin-actions">
        <Button size="large" icon={<ArrowLeftOutlined aria-hidden />} onClick={onBack}>{t("room.back")}</Button>
        <Button size="large" type="primary" loading={busy} disabled={captured === null} onClick={join}>
          {t(captured !== null && captured.audio === null && captured.video === null ? "room.joinWatching" : "room.join")}
        </Button>
      </div>
    </section>
  );
}
