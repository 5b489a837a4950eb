/** Cameras, microphones, screens: asked for once, with what went wrong as a word that has a translation (room.device.<problem>). */
export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "unknown";

export interface Capture {
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
  problem: DeviceProblem | null;
}

export interface DeviceChoice {
  microphone?: string | undefined;
  camera?: string | undefined;
}

/** A face needs no more; images are shown by the viewer, pixel by pixel, not as video. */
const CAMERA: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** A teacher's camera shows an operation or a board. */
const TEACHING_CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };

export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "unknown";
}

function chosen(constraints: MediaTrackConstraints, device: string | undefined): MediaTrackConstraints {
  return device === undefined ? constraints : { ...constraints, deviceId: { ideal: device } };
}

/** Both if possible, else the microphone alone, else the camera alone. */
export async function capture(choice: DeviceChoice, teaching = false): Promise<Capture> {
  if (navigator.mediaDevices === undefined) return { audio: null, video: null, problem: "insecure" };
  const audio = chosen(MICROPHONE, choice.microphone);
  const video = chosen(teaching ? TEACHING_CAMERA : CAMERA, choice.camera);
  let problem: DeviceProblem | null = null;
  for (const wish of [{ audio, video }, { audio }, { video }]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wish);
      return { audio: stream.getAudioTracks()[0] ?? null, video: stream.getVideoTracks()[0] ?? null, problem };
    } catch (error) {
      problem ??= problemOf(error);
    }
  }
  return { audio: null, video: null, problem };
}

export async function captureCamera(choice: DeviceChoice, teaching = false): Promise<MediaStreamTrack> {
  const video = chosen(teaching ? TEACHING_CAMERA : CAMERA, choice.camera);
  return (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks()[0]!;
}

export async function captureMicrophone(choice: DeviceChoice): Promise<MediaStreamTrack> {
  return (await navigator.mediaDevices.getUserMedia({ audio: chosen(MICROPHONE, choice.microphone) })).getAudioTracks()[0]!;
}

/** The screen, a window or a tab; null when the person thought better of it. */
export async function captureScreen(): Promise<MediaStreamTrack | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
    return stream.getVideoTracks()[0] ?? null;
  } catch (error) {
    if (problemOf(error) === "denied") return null;
    throw error;
  }
}

export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

export async function listDevices(): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices?.enumerateDevices()) ?? [];
}

/** Loudness of a microphone, 0 to 1, about 15 times a second, until the answer is called. */
export function meter(track: MediaStreamTrack, told: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    told(Math.min(1, Math.sqrt(power) * 4));
  }, 66);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
