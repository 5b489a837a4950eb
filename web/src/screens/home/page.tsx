import { Navigate } from "react-router";
import { homeOf } from "../../api/session";
import { useSession } from "../../ui/session-context";

export function Component() {
  return <Navigate to={homeOf(useSession())} replace />;
}
