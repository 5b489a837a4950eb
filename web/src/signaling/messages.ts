/**
 * The messages of signaling/README.md (consilium.v1) as the browser sees them. Whatever the hub sends is checked here before any other
 * code sees it; unknown members are ignored, so that a newer hub can add some.
 */
import * as v from "valibot";

const uuid = v.string();
const kind = v.picklist(["audio", "video"]);
const source = v.picklist(["microphone", "camera", "screen", "device"]);

const organisation = v.object({ id: v.string(), code: v.string(), name: v.string() });

export const Track = v.object({ track: uuid, kind, source, muted: v.optional(v.boolean(), false) });
export const Participant = v.object({
  participant: uuid,
  person: v.nullish(uuid),
  name: v.string(),
  organisation: v.nullish(organisation),
  role: v.nullish(v.string()),
  tracks: v.optional(v.array(Track), []),
});
export const OfferedTrack = v.object({ participant: uuid, track: uuid, kind, source });

export type TrackKind = v.InferOutput<typeof kind>;
export type TrackSource = v.InferOutput<typeof source>;
export type TrackInfo = v.InferOutput<typeof Track>;
export type ParticipantInfo = v.InferOutput<typeof Participant>;
export type OfferedTrackInfo = v.InferOutput<typeof OfferedTrack>;

const nothing = v.unknown();
/** The answer to a publishing offer tells the ids that the relay gave to our tracks. */
const PublishedTrack = v.object({ track: uuid, mid: v.nullish(v.string()), kind, source: v.nullish(source) });
const published = v.object({ sdp: v.string(), tracks: v.optional(v.array(PublishedTrack), []) });
export type PublishedTrackInfo = v.InferOutput<typeof PublishedTrack>;

/** Results of the calls that the browser makes. */
export const results = {
  hello: v.object({
    peer: v.string(),
    resume: v.string(),
    resumed: v.optional(v.boolean()),
    person: v.unknown(),
    organisation: v.unknown(),
  }),
  "presence.list": v.object({ online: v.array(v.string()) }),
  "room.join": v.object({
    participant: uuid,
    title: v.string(),
    role: v.string(),
    participants: v.array(Participant),
    messages_url: v.optional(v.string()),
    media: v.optional(v.picklist(["ready", "lost"]), "ready"),
    recording: v.nullish(v.string()),
  }),
  "room.leave": nothing,
  "room.publish": published,
  "room.unpublish": nothing,
  "room.subscribe": nothing,
  "room.restart": v.object({ sdp: v.optional(v.string()), tracks: v.optional(v.array(PublishedTrack), []) }),
  "room.mute": nothing,
  "room.say": v.object({ message: v.unknown() }),
  "room.record": v.object({ recording: v.nullish(v.string()) }),
} as const;

/** What each call takes. */
export interface CallParams {
  hello: { version: 1; resume?: string };
  "presence.list": Record<string, never>;
  "room.join": { room: string };
  "room.leave": { room: string };
  "room.publish": { room: string; sdp: string; sources: Record<string, TrackSource> };
  "room.unpublish": { room: string };
  "room.subscribe": { room: string };
  "room.restart": { room: string; side: "publish"; sdp: string; sources: Record<string, TrackSource> } | { room: string; side: "subscribe" };
  "room.mute": { room: string; track: string; muted: boolean };
  "room.say": { room: string; text: string };
  "room.record": { room: string; on: boolean };
}

export type CallMethod = keyof CallParams;
export type CallResult<Method extends CallMethod> = v.InferOutput<(typeof results)[Method]>;

/** Notifications of the hub. */
export const notifications = {
  changed: v.object({
    kind: v.string(),
    id: uuid,
    version: v.nullish(v.number()),
  }),
  presence: v.object({ person: uuid, online: v.boolean() }),
  "room.joined": v.object({
    room: uuid,
    participant: uuid,
    person: v.nullish(uuid),
    name: v.string(),
    organisation: v.nullish(organisation),
  }),
  "room.left": v.object({ room: uuid, participant: uuid, reason: v.nullish(v.string()) }),
  "room.track": v.object({
    room: uuid,
    participant: uuid,
    track: uuid,
    kind,
    source,
    state: v.picklist(["added", "removed", "muted", "unmuted"]),
  }),
  "room.speaker": v.object({ room: uuid, participant: v.nullish(uuid) }),
  /** `failed` is about one of our own two sessions (`side`); `lost` and `ready` about the whole media worker. */
  "room.media": v.object({
    room: uuid,
    state: v.picklist(["lost", "ready", "failed"]),
    side: v.nullish(v.picklist(["publish", "subscribe"])),
  }),
  "room.message": v.object({
    room: uuid,
    message: uuid,
    person: v.nullish(v.string()),
    name: v.nullish(v.string()),
    text: v.string(),
    at: v.string(),
  }),
  "room.recording": v.object({ room: uuid, on: v.boolean(), recording: v.nullish(v.string()) }),
} as const;

export type Notifications = { [Name in keyof typeof notifications]: v.InferOutput<(typeof notifications)[Name]> };
export type NotificationName = keyof typeof notifications;

/** Requests of the hub that the browser answers. */
export const requests = {
  "room.offer": v.object({
    room: uuid,
    version: v.number(),
    sdp: v.string(),
    tracks: v.record(v.string(), OfferedTrack),
  }),
} as const;

export type Requests = { [Name in keyof typeof requests]: v.InferOutput<(typeof requests)[Name]> };
export type RequestName = keyof typeof requests;

/** One JSON-RPC 2.0 message, of any of its four shapes. */
export const Envelope = v.object({
  jsonrpc: v.literal("2.0"),
  id: v.nullish(v.union([v.number(), v.string()])),
  method: v.optional(v.string()),
  params: v.optional(v.unknown()),
  result: v.optional(v.unknown()),
  error: v.optional(
    v.object({
      code: v.number(),
      message: v.string(),
      data: v.nullish(v.looseObject({ name: v.optional(v.string()) })),
    }),
  ),
});
