/* Rooms, their messages, teaching sessions, questions, recordings. */
#pragma once
#include "hub/hub.h"
#include "hub/http/http.h"
#include "signaling/signaling.h"

void api_room_create(http_request *r);
void api_room_get(http_request *r);
void api_message_list(http_request *r);
void api_message_add(http_request *r);

void api_teaching_list(http_request *r);
void api_teaching_create(http_request *r);
void api_teaching_get(http_request *r);
void api_teaching_edit(http_request *r);
void api_teaching_act(http_request *r);
void api_teaching_events(http_request *r);
void api_question_list(http_request *r);
void api_question_ask(http_request *r);
void api_question_answered(http_request *r);
void api_recording_get(http_request *r);
void api_recording_file(http_request *r);

/* --- for main.c ------------------------------------------------------------------------------------------------- */
/** signaling_hooks.record: the teacher starts or stops the recording of a teaching session's room. */
void api_teaching_record(struct hub *hub, const caller *who, const char *room, gboolean on, signaling_record_done done,
                         gpointer data);
/** The media worker is there again: recordings that ran go on, those that it or the hub left unfinished are finished. */
void api_recording_take_up(struct hub *hub);
