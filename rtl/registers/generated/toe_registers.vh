// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from rtl/registers/map.toml by `make registers`: do not edit.
`ifndef TOE_REGISTERS_VH
`define TOE_REGISTERS_VH

// Adapter
`define ADAPTER_IDENTITY                                 32'h544F4531
`define ADAPTER_VERSION                                  32'h00010000
`define ADDRESS_BITS                                     12
`define COMMAND_QUEUE_DEPTH                              64

// Registers: byte offsets, reset values, ranges of their fields
`define REGISTER_IDENTITY                                12'h000
`define REGISTER_VERSION                                 12'h004
`define VERSION_MINOR                                    15:0
`define VERSION_MINOR_BITS                               16
`define VERSION_MAJOR                                    31:16
`define VERSION_MAJOR_BITS                               16
`define REGISTER_CONNECTIONS                             12'h008
`define REGISTER_RECEIVE_RING_BYTES                      12'h00C
`define REGISTER_CONTROL                                 12'h010
`define REGISTER_CONTROL_RESET                           32'd0
`define CONTROL_ENABLE                                   0:0
`define CONTROL_ENABLE_BITS                              1
`define CONTROL_RESET                                    1:1
`define CONTROL_RESET_BITS                               1
`define REGISTER_INTERRUPT_ENABLE                        12'h014
`define REGISTER_INTERRUPT_ENABLE_RESET                  32'd0
`define INTERRUPT_ENABLE_EVENT                           0:0
`define INTERRUPT_ENABLE_EVENT_BITS                      1
`define REGISTER_EVENT_RING_ADDRESS_LOW                  12'h018
`define REGISTER_EVENT_RING_ADDRESS_LOW_RESET            32'd0
`define REGISTER_EVENT_RING_ADDRESS_HIGH                 12'h01C
`define REGISTER_EVENT_RING_ADDRESS_HIGH_RESET           32'd0
`define REGISTER_EVENT_RING_ENTRIES                      12'h020
`define REGISTER_EVENT_RING_ENTRIES_RESET                32'd0
`define REGISTER_EVENT_CONSUMER                          12'h024
`define REGISTER_EVENT_CONSUMER_RESET                    32'd0
`define REGISTER_ANONYMOUS_BUFFER_BYTES                  12'h028
`define REGISTER_ANONYMOUS_BUFFER_BYTES_RESET            32'd2048
`define REGISTER_HOST_FRAME_BUFFER_BYTES                 12'h02C
`define REGISTER_HOST_FRAME_BUFFER_BYTES_RESET           32'd16384
`define REGISTER_INDICATE_WINDOW_SIZE                    12'h030
`define REGISTER_INDICATE_WINDOW_SIZE_RESET              32'd65536
`define REGISTER_NVRAM_INDICATE_WINDOW_SIZE              12'h034
`define REGISTER_COMMANDS_TAKEN                          12'h038
`define REGISTER_BUFFER_ROOM                             12'h03C
`define BUFFER_ROOM_ANONYMOUS_BUFFERS                    15:0
`define BUFFER_ROOM_ANONYMOUS_BUFFERS_BITS               16
`define BUFFER_ROOM_HOST_FRAME_BUFFERS                   31:16
`define BUFFER_ROOM_HOST_FRAME_BUFFERS_BITS              16
`define REGISTER_COMMAND                                 12'h040
`define REGISTER_COUNTER                                 12'h100

// Commands: opcodes, and ranges in the 256 bits of a command (word 0 in bits 31:0)
`define COMMAND_BITS                                     256
`define COMMAND_OPCODE                                   7:0
`define COMMAND_OPCODE_BITS                              8
`define COMMAND_CONNECTION                               31:16
`define COMMAND_CONNECTION_BITS                          16
`define COMMAND_GRANT_ANONYMOUS_BUFFERS                  8'd1
`define GRANT_ANONYMOUS_BUFFERS_ADDRESS                  95:32
`define GRANT_ANONYMOUS_BUFFERS_ADDRESS_BITS             64
`define GRANT_ANONYMOUS_BUFFERS_FIRST_BUFFER             111:96
`define GRANT_ANONYMOUS_BUFFERS_FIRST_BUFFER_BITS        16
`define GRANT_ANONYMOUS_BUFFERS_COUNT                    127:112
`define GRANT_ANONYMOUS_BUFFERS_COUNT_BITS               16
`define COMMAND_GRANT_HOST_FRAME_BUFFERS                 8'd2
`define GRANT_HOST_FRAME_BUFFERS_ADDRESS                 95:32
`define GRANT_HOST_FRAME_BUFFERS_ADDRESS_BITS            64
`define GRANT_HOST_FRAME_BUFFERS_FIRST_BUFFER            111:96
`define GRANT_HOST_FRAME_BUFFERS_FIRST_BUFFER_BITS       16
`define GRANT_HOST_FRAME_BUFFERS_COUNT                   127:112
`define GRANT_HOST_FRAME_BUFFERS_COUNT_BITS              16
`define COMMAND_SET_SOURCE_ADDRESS                       8'd3
`define SET_SOURCE_ADDRESS_ADDRESS_0                     63:32
`define SET_SOURCE_ADDRESS_ADDRESS_0_BITS                32
`define SET_SOURCE_ADDRESS_ADDRESS_1                     95:64
`define SET_SOURCE_ADDRESS_ADDRESS_1_BITS                32
`define SET_SOURCE_ADDRESS_ADDRESS_2                     127:96
`define SET_SOURCE_ADDRESS_ADDRESS_2_BITS                32
`define SET_SOURCE_ADDRESS_ADDRESS_3                     159:128
`define SET_SOURCE_ADDRESS_ADDRESS_3_BITS                32
`define COMMAND_SET_DESTINATION_ADDRESS                  8'd4
`define SET_DESTINATION_ADDRESS_ADDRESS_0                63:32
`define SET_DESTINATION_ADDRESS_ADDRESS_0_BITS           32
`define SET_DESTINATION_ADDRESS_ADDRESS_1                95:64
`define SET_DESTINATION_ADDRESS_ADDRESS_1_BITS           32
`define SET_DESTINATION_ADDRESS_ADDRESS_2                127:96
`define SET_DESTINATION_ADDRESS_ADDRESS_2_BITS           32
`define SET_DESTINATION_ADDRESS_ADDRESS_3                159:128
`define SET_DESTINATION_ADDRESS_ADDRESS_3_BITS           32
`define COMMAND_OFFLOAD                                  8'd5
`define OFFLOAD_DESTINATION_PORT                         47:32
`define OFFLOAD_DESTINATION_PORT_BITS                    16
`define OFFLOAD_SOURCE_PORT                              63:48
`define OFFLOAD_SOURCE_PORT_BITS                         16
`define OFFLOAD_RECEIVE_NEXT                             95:64
`define OFFLOAD_RECEIVE_NEXT_BITS                        32
`define OFFLOAD_INDICATE_WINDOW_SIZE                     127:96
`define OFFLOAD_INDICATE_WINDOW_SIZE_BITS                32
`define OFFLOAD_IPV6                                     128:128
`define OFFLOAD_IPV6_BITS                                1
`define COMMAND_UPLOAD                                   8'd6
`define COMMAND_INDICATE_ACKNOWLEDGE                     8'd7
`define INDICATE_ACKNOWLEDGE_ACKNOWLEDGED_BYTES          63:32
`define INDICATE_ACKNOWLEDGE_ACKNOWLEDGED_BYTES_BITS     32
`define COMMAND_SET_INDICATE_WINDOW_SIZE                 8'd8
`define SET_INDICATE_WINDOW_SIZE_BYTES                   63:32
`define SET_INDICATE_WINDOW_SIZE_BYTES_BITS              32
`define COMMAND_POST_NAMED_BUFFER                        8'd9
`define POST_NAMED_BUFFER_ADDRESS                        95:32
`define POST_NAMED_BUFFER_ADDRESS_BITS                   64
`define POST_NAMED_BUFFER_BYTES                          127:96
`define POST_NAMED_BUFFER_BYTES_BITS                     32
`define POST_NAMED_BUFFER_REQUEST                        143:128
`define POST_NAMED_BUFFER_REQUEST_BITS                   16
`define POST_NAMED_BUFFER_LAST_PAGE                      144:144
`define POST_NAMED_BUFFER_LAST_PAGE_BITS                 1
`define POST_NAMED_BUFFER_PUSH_MODE                      145:145
`define POST_NAMED_BUFFER_PUSH_MODE_BITS                 1
`define COMMAND_CANCEL_NAMED_BUFFER                      8'd10
`define CANCEL_NAMED_BUFFER_REQUEST                      143:128
`define CANCEL_NAMED_BUFFER_REQUEST_BITS                 16
`define COMMAND_SET_PUSH_TIMER                           8'd11
`define SET_PUSH_TIMER_TIMEOUT_CYCLES                    63:32
`define SET_PUSH_TIMER_TIMEOUT_CYCLES_BITS               32

// Events: ranges in the 64 bits of an event, and kinds
`define EVENT_BITS                                       64
`define EVENT_VALUE                                      31:0
`define EVENT_VALUE_BITS                                 32
`define EVENT_LENGTH                                     15:0
`define EVENT_LENGTH_BITS                                16
`define EVENT_BUFFER                                     31:16
`define EVENT_BUFFER_BITS                                16
`define EVENT_CONNECTION                                 47:32
`define EVENT_CONNECTION_BITS                            16
`define EVENT_TAKEN                                      55:48
`define EVENT_TAKEN_BITS                                 8
`define EVENT_DETAIL                                     58:56
`define EVENT_DETAIL_BITS                                3
`define EVENT_KIND                                       62:59
`define EVENT_KIND_BITS                                  4
`define EVENT_PHASE                                      63:63
`define EVENT_PHASE_BITS                                 1
`define EVENT_INDICATE_DATA                              4'd1
`define EVENT_HOST_FRAME                                 4'd2
`define EVENT_OFFLOADED                                  4'd3
`define EVENT_OFFLOADED_STATUS                           31:0
`define EVENT_OFFLOADED_STATUS_BITS                      32
`define EVENT_UPLOAD_DATA                                4'd4
`define EVENT_STATE                                      4'd5
`define EVENT_STATE_CONTENT                              31:0
`define EVENT_STATE_CONTENT_BITS                         32
`define EVENT_STATE_FIELD                                58:56
`define EVENT_STATE_FIELD_BITS                           3
`define EVENT_UPLOADED                                   4'd6
`define EVENT_PEER_CLOSED                                4'd7
`define EVENT_PEER_RESET                                 4'd8
`define EVENT_COMMANDS_TAKEN                             4'd9
`define EVENT_COMMAND_REFUSED                            4'd10
`define EVENT_COMMAND_REFUSED_OPCODE                     7:0
`define EVENT_COMMAND_REFUSED_OPCODE_BITS                8
`define EVENT_COMMAND_REFUSED_REASON                     15:8
`define EVENT_COMMAND_REFUSED_REASON_BITS                8
`define EVENT_BUS_ERROR                                  4'd11
`define EVENT_BUS_ERROR_RESPONSE                         1:0
`define EVENT_BUS_ERROR_RESPONSE_BITS                    2
`define EVENT_NAMED_BUFFER_ACCEPTED                      4'd12
`define EVENT_NAMED_BUFFER_RETURNED                      4'd13

// Enumerations
`define OFFLOAD_STATUS_BITS                              3
`define OFFLOAD_STATUS_OK                                3'd0
`define OFFLOAD_STATUS_BUSY                              3'd1
`define OFFLOAD_STATUS_NO_ROOM                           3'd2
`define OFFLOAD_STATUS_DUPLICATE                         3'd3
`define OFFLOAD_STATUS_BAD_CONNECTION                    3'd4
`define REFUSAL_BITS                                     8
`define REFUSAL_UNSUPPORTED                              8'd1
`define REFUSAL_NOT_OFFLOADED                            8'd2
`define REFUSAL_MORE_THAN_PENDING                        8'd3
`define REFUSAL_ZERO_WINDOW                              8'd4
`define REFUSAL_BUFFERS_FULL                             8'd5
`define STATE_FIELD_BITS                                 3
`define STATE_FIELD_RECEIVE_NEXT                         3'd0
`define STATE_FIELD_FLAGS                                3'd1

// Counters: positions in the vector of pulses
`define COUNTERS                                         23
`define COUNT_FRAMES_RECEIVED                            0
`define COUNT_FRAMES_OFFLOADED                           1
`define COUNT_FRAMES_TO_HOST                             2
`define COUNT_DROPPED_BAD_FRAME                          3
`define COUNT_DROPPED_RUNT                               4
`define COUNT_DROPPED_OVERSIZE                           5
`define COUNT_DROPPED_TRUNCATED                          6
`define COUNT_DROPPED_MALFORMED                          7
`define COUNT_DROPPED_IP_CHECKSUM                        8
`define COUNT_DROPPED_TCP_CHECKSUM                       9
`define COUNT_DROPPED_HOST_OVERRUN                       10
`define COUNT_SEGMENTS_IN_ORDER                          11
`define COUNT_SEGMENTS_OUT_OF_ORDER                      12
`define COUNT_SEGMENTS_DUPLICATE                         13
`define COUNT_SEGMENTS_TRIMMED                           14
`define COUNT_SEGMENTS_BEYOND_WINDOW                     15
`define COUNT_SEGMENTS_NO_GAP                            16
`define COUNT_SEGMENTS_AFTER_CLOSE                       17
`define COUNT_RESETS_REFUSED                             18
`define COUNT_DELIVERIES                                 19
`define COUNT_WINDOW_CLOSED                              20
`define COUNT_NO_ANONYMOUS_BUFFER                        21
`define COUNT_COMMANDS_REFUSED                           22

// Bundle: What rx tells tcp of one segment, or, in stream order with segments, of one connection
// command.
`define SEGMENT_BITS                                     122
`define SEGMENT_KIND                                     1:0
`define SEGMENT_KIND_BITS                                2
`define SEGMENT_KIND_DATA                                2'd0
`define SEGMENT_KIND_OPEN                                2'd1
`define SEGMENT_KIND_CLOSE                               2'd2
`define SEGMENT_CONNECTION                               17:2
`define SEGMENT_CONNECTION_BITS                          16
`define SEGMENT_SEQUENCE_NUMBER                          49:18
`define SEGMENT_SEQUENCE_NUMBER_BITS                     32
`define SEGMENT_ACKNOWLEDGEMENT_NUMBER                   81:50
`define SEGMENT_ACKNOWLEDGEMENT_NUMBER_BITS              32
`define SEGMENT_WINDOW                                   97:82
`define SEGMENT_WINDOW_BITS                              16
`define SEGMENT_FLAGS                                    105:98
`define SEGMENT_FLAGS_BITS                               8
`define SEGMENT_PAYLOAD_LENGTH                           121:106
`define SEGMENT_PAYLOAD_LENGTH_BITS                      16

// Bundle: What tcp tells deliver.
`define ARRIVAL_BITS                                     83
`define ARRIVAL_KIND                                     2:0
`define ARRIVAL_KIND_BITS                                3
`define ARRIVAL_KIND_DATA                                3'd4
`define ARRIVAL_KIND_OPEN                                3'd1
`define ARRIVAL_KIND_FINISH                              3'd2
`define ARRIVAL_KIND_RESET                               3'd3
`define ARRIVAL_KIND_CLOSE                               3'd0
`define ARRIVAL_CONNECTION                               18:3
`define ARRIVAL_CONNECTION_BITS                          16
`define ARRIVAL_SEQUENCE_NUMBER                          50:19
`define ARRIVAL_SEQUENCE_NUMBER_BITS                     32
`define ARRIVAL_VALUE                                    82:51
`define ARRIVAL_VALUE_BITS                               32

// Bundle: One write to host memory and the event that follows it. With length 0, only the event, in
// order.
`define TRANSFER_BITS                                    146
`define TRANSFER_ADDRESS                                 63:0
`define TRANSFER_ADDRESS_BITS                            64
`define TRANSFER_LENGTH                                  79:64
`define TRANSFER_LENGTH_BITS                             16
`define TRANSFER_LANE                                    82:80
`define TRANSFER_LANE_BITS                               3
`define TRANSFER_EVENT                                   145:83
`define TRANSFER_EVENT_BITS                              63

`endif
