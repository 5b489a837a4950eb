/* Cases made over the API, for tests that are about something else. */
import { expect, type APIRequestContext } from "@playwright/test";
import { makeDicom, sendByDimse, type Scanner } from "./dicom";

export interface SentStudy {
    id: string;
    patient: { id: string };
    modalities: string[];
    instance_count: number;
}

/** Sends a folder as a scanner and waits until all of it is in the study list of api's person. */
export async function studyFromScanner(api: APIRequestContext, folder: string, ae: string, modality: string, instances: number, to?: Scanner): Promise<SentStudy> {
    sendByDimse(folder, ae, to);
    let found: SentStudy | undefined;
    await expect
        .poll(async () => {
            const answer = await api.get(`/api/v1/studies?modality=${modality}`);
            found = ((await answer.json()) as { items: SentStudy[] }).items.find((one) => one.instance_count === instances);
            return found !== undefined;
        }, { message: `a study of ${instances} instances of ${modality} is in the list`, timeout: 30_000 })
        .toBe(true);
    return found!;
}

interface Case {
    id: string;
    version: number;
    room: string | null;
}

/** A consultation of county1.doctor with LEAD's radiology about a small CT, claimed by lead.specialist: both may enter its room. */
export async function claimedConsult(county: APIRequestContext, lead: APIRequestContext, to?: Scanner): Promise<{ consult: Case; study: SentStudy }> {
    const folder = makeDicom("ct", "--slices", "12", "--size", "128", "--seed", "77");
    const study = await studyFromScanner(county, folder, "COUNTY1_CT", "CT", 12, to);
    const { items } = (await (await county.get("/api/v1/organisations")).json()) as {
        items: { id: string; code: string; departments: { id: string; code: string }[] }[];
    };
    const target = items.find((one) => one.code === "LEAD")!;
    const department = target.departments.find((one) => one.code === "radiology")!;
    const created = await county.post("/api/v1/consults", {
        data: {
            patient: study.patient.id, to_organisation: target.id, to_department: department.id, urgency: "urgent",
            question: "Nodule?", studies: [study.id], consent: true, submit: true,
        },
    });
    expect(created.status(), await created.text()).toBe(201);
    const consult = (await created.json()) as Case;
    const claimed = await lead.post(`/api/v1/consults/${consult.id}/actions/claim`, {
        headers: { "If-Match": `"${consult.version}"` },
        data: {},
    });
    expect(claimed.status(), await claimed.text()).toBe(200);
    return { consult: (await claimed.json()) as Case, study };
}
