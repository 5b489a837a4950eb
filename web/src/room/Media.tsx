// Video and audio of one stream; nothing else on the page touches media elements of the room.
import { useEffect, useRef } from "react";

interface VideoProps {
  stream: MediaStream;
  label: string;
  mirrored?: boolean;
  fit?: "cover" | "contain";
}

export function Video({ stream, label, mirrored = false, fit = "cover" }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    video.srcObject = stream;
    video.play().catch(() => undefined); // muted video may always play; a rejection means that it was replaced
    return () => {
      video.srcObject = null;
    };
  }, [stream]);
  return <video ref={element} aria-label={label} autoPlay playsInline muted className={mirrored ? "mirrored" : undefined} style={{ objectFit: fit }} />;
}

/** Sound without a picture of its own. `onBlocked`: the browser wants a click first. */
export function Sound({ stream, onBlocked }: { stream: MediaStream; onBlocked?: (play: () => void) => void }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = element.current;
    if (audio === null) return;
    audio.srcObject = stream;
    audio.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked?.(() => void audio.play());
    });
    return () => {
      audio.srcObject = null;
    };
  }, [stream, onBlocked]);
  return <audio ref={element} autoPlay />;
}
