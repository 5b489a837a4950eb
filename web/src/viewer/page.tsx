import { DarkSurface } from "../ui/Surface";

export function Component() {
  return <DarkSurface style={{ height: "100%" }}>{null}</DarkSurface>;
}
