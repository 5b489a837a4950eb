// A video (endoscopy, microscopy, ultrasound as MPEG-4): played by the browser itself from the stored bytes when it can, else said so.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { errorFrom, hubFetch } from "../../api/client";
import { Download, type DocumentProps } from "./DocumentPane";
import { videoPlace, videoType, type VideoPlace } from "./video";

/** Where pixel data begins at the latest in files seen; the header of a video is a few KB. */
const HEAD_BYTES = 1024 * 1024;

async function findVideo(url: string): Promise<VideoPlace | null> {
  const response = await hubFetch(url, { headers: { Accept: "application/dicom", Range: `bytes=0-${HEAD_BYTES - 1}` } });
  if (!response.ok) throw errorFrom(response, undefined);
  return videoPlace(new Uint8Array(await response.arrayBuffer()));
}

export function VideoView({ content, url }: DocumentProps) {
  const { t } = useTranslation();
  const [failed, setFailed] = useState(false);
  const type = videoType(content.stack.frames[0]!.instance.transfer_syntax ?? "");
  const playable = type !== null && document.createElement("video").canPlayType(type) !== "";
  const place = useQuery({ queryKey: ["video", url], queryFn: () => findVideo(url), enabled: playable });
  const unable = !playable || failed || place.isError || place.data === null;
  if (unable) {
    return (
      <div className="document-other" role="alert">
        <p>{t("viewer.document.videoUnable")}</p>
        <Download url={url} wide />
      </div>
    );
  }
  if (!place.data) return <p className="viewer-wait" role="status">{t("viewer.opening")}</p>;
  return (
    <div className="document-video">
      {/* What is said in it is part of the examination; nobody has written it down. */}
      <video
        controls
        autoPlay
        muted
        loop
        playsInline
        src={`${url}/bulkdata/${place.data.offset}-${place.data.length}`}
        aria-label={t("viewer.document.kind.video")}
        onError={() => setFailed(true)}
      />
    </div>
  );
}
