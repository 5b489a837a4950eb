// A recording, watched again: picture and sound of the session kept together, seek anywhere (the hub serves byte ranges).
import { PauseOutlined, CaretRightOutlined, FullscreenOutlined, MutedOutlined, SoundOutlined, SwapOutlined } from "@ant-design/icons";
import { Button, Select, Slider } from "antd";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { formatDuration } from "../i18n/format";
import { DarkSurface } from "../ui/Surface";
import { Timeline } from "./timeline";
import "./room.css";

type Recording = Schemas["Recording"];
const TICK_MS = 200;
const RATES = [0.75, 1, 1.25, 1.5, 2];
const JUMP = 10;

function useTimeline(recording: Recording) {
  const timeline = useMemo(
    () =>
      new Timeline(
        recording.files.map((file) => ({
          kind: file.kind,
          startMs: Date.parse(file.started_at ?? recording.started_at),
          durationMs: file.duration_ms ?? 0,
        })),
      ),
    // The files of a finished recording do not change.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [recording.id, recording.files.length],
  );
  const [, draw] = useState(0);
  const redraw = useCallback(() => draw((count) => count + 1), []);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!timeline.playing) return;
      timeline.tick(performance.now());
      redraw();
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      timeline.pause();
    };
  }, [timeline, redraw]);
  return { timeline, redraw };
}

function Player({ recording }: { recording: Recording }) {
  const { t } = useTranslation();
  const { timeline, redraw } = useTimeline(recording);
  const [muted, setMuted] = useState(false);
  const [main, setMain] = useState(0);
  const [failed, setFailed] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  // The same functions in every render: a new one would make React attach anew, which seeks.
  const attach = useMemo(() => timeline.placed.map((_, index) => (element: HTMLMediaElement | null) => timeline.attach(index, element)), [timeline]);
  const videos = recording.files.map((_, index) => index).filter((index) => timeline.placed[index]!.video);
  const shown = videos.filter((index) => timeline.active(index));
  const front = shown[main % Math.max(1, shown.length)];

  const toggle = () => {
    if (timeline.playing) timeline.pause();
    else timeline.play(performance.now());
    redraw();
  };
  const seek = (to: number) => {
    timeline.seek(to);
    redraw();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const verbs: Record<string, () => void> = {
      " ": toggle,
      ArrowLeft: () => seek(timeline.time - JUMP),
      ArrowRight: () => seek(timeline.time + JUMP),
    };
    const verb = verbs[event.key];
    if (verb === undefined) return;
    event.preventDefault();
    verb();
  };

  return (
    <div className="replay" ref={box} tabIndex={0} role="region" aria-label={t("room.replay")} onKeyDown={onKeyDown} data-time={timeline.time.toFixed(2)}>
      <div className="replay-stage" onClick={toggle}>
        {recording.files.map((file, index) =>
          timeline.placed[index]!.video ? (
            <video
              key={file.file}
              ref={attach[index]}
              src={file.url}
              preload="metadata"
              playsInline
              muted={muted}
              className={index === front ? "front" : timeline.active(index) ? "inset" : "away"}
              onError={() => setFailed(true)}
              onSeeked={redraw}
            />
          ) : (
            <audio key={file.file} ref={attach[index]} src={file.url} preload="metadata" muted={muted} onError={() => setFailed(true)} />
          ),
        )}
        {failed && <p className="live-wait" role="alert">{t("room.replayFailed")}</p>}
      </div>
      <div className="replay-bar">
        <Button type="text" icon={timeline.playing ? <PauseOutlined aria-hidden /> : <CaretRightOutlined aria-hidden />} aria-label={t(timeline.playing ? "viewer.stop" : "viewer.play")} onClick={toggle} />
        <Slider
          className="replay-slider"
          min={0}
          max={Math.max(0.1, timeline.duration)}
          step={0.1}
          value={timeline.time}
          onChange={seek}
          tooltip={{ formatter: (value) => formatDuration(value ?? 0) }}
          ariaLabelForHandle={t("room.seek")}
        />
        <span className="num replay-time" translate="no">{formatDuration(timeline.time)} / {formatDuration(timeline.duration)}</span>
        <Button type="text" icon={muted ? <MutedOutlined aria-hidden /> : <SoundOutlined aria-hidden />} aria-label={t(muted ? "room.soundOn" : "room.soundOff")} onClick={() => setMuted(!muted)} />
        <Select
          size="small"
          aria-label={t("room.speed")}
          defaultValue={1}
          options={RATES.map((rate) => ({ value: rate, label: `${rate}×` }))}
          onChange={(rate: number) => timeline.setRate(rate)}
        />
        {shown.length > 1 && <Button type="text" icon={<SwapOutlined aria-hidden />} aria-label={t("room.swap")} onClick={() => setMain(main + 1)} />}
        <Button type="text" icon={<FullscreenOutlined aria-hidden />} aria-label={t("viewer.full")} onClick={() => void box.current?.requestFullscreen().catch(() => undefined)} />
      </div>
    </div>
  );
}

/** Plays a finished recording of a teaching session. */
export function Replay({ recording }: { recording: Recording }) {
  const { t } = useTranslation();
  return (
    <DarkSurface className="live-surface">
      {recording.files.length > 0 ? <Player key={recording.id} recording={recording} /> : <p className="live-wait muted">{t("teaching.noReplay")}</p>}
    </DarkSurface>
  );
}
