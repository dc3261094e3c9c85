// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Gives each command to its owner, waits for the answer, and tells the driver what it must know.
//
//                    /--> lookup_command (offload, upload) --\
//   command --> check ---> window_command (ack, set window) ---> answer --> host_event
//                   |\--> grant (buffers) ------------------/
//                   \---> the addresses of the next offload
//
// It keeps no state of any connection, and never waits for a connection's data. Deliver does not
// know a number in use while its open is on the way or it was just closed: it is asked again then.
// Events are written: `offloaded`, `command_refused`, `commands_taken`.
//
// Invariant: a command is handed to one owner at most.

`default_nettype none
`include "toe_registers.vh"

module command_dispatch (
  input  wire         clk,
  input  wire         rst,

  // in: the command port and the registers
  input  wire         command_valid,
  output wire         command_ready,
  input  wire [159:0] command,
  input  wire [31:0]  indicate_window_size,

  // out and in: rx
  output wire         lookup_command_valid,
  input  wire         lookup_command_ready,
  output wire         lookup_command_insert,
  output wire [15:0]  lookup_command_connection,
  output reg  [127:0] lookup_command_source,
  output reg  [127:0] lookup_command_destination,
  output wire [15:0]  lookup_command_source_port,
  output wire [15:0]  lookup_command_destination_port,
  output wire         lookup_command_ipv6,
  output wire [31:0]  lookup_command_receive_next,
  output wire [31:0]  lookup_command_indicate_window_size,
  input  wire         lookup_answer_valid,
  input  wire [2:0]   lookup_answer_status,

  // out and in: deliver
  output wire         window_command_valid,
  input  wire         window_command_ready,
  output wire [7:0]   window_command_opcode,
  output wire [15:0]  window_command_connection,
  output wire [31:0]  window_command_bytes,
  input  wire         window_answer_valid,
  input  wire         window_answer_refused,
  input  wire [7:0]   window_answer_reason,

  // out and in: the connection numbers; the answer follows the connection by a cycle
  output wire [15:0]  number_connection,
  input  wire         number_in_range,
  input  wire         number_used,
  input  wire         number_busy,
  output wire         number_mark,

  // out and in: the grant expander
  output wire         grant_valid,
  input  wire         grant_ready,
  output wire         grant_host_frame,
  output wire [63:0]  grant_address,
  output wire [15:0]  grant_first,
  output wire [15:0]  grant_count,
  input  wire         grant_answer_valid,
  input  wire         grant_answer_refused,

  // out: dma; with `event_written` the count of commands taken goes out with an event
  output wire         host_event_valid,
  input  wire         host_event_ready,
  output wire [62:0]  host_event,
  input  wire         event_written,

  // out: the counters
  output reg          refused_pulse
);

  localparam [5:0] UNTOLD_MOST = 6'd32;  // half of COMMAND_QUEUE_DEPTH

  localparam IDLE   = 3'd0;  // waits for a command
  localparam LOOK   = 3'd1;  // the connection's use is known: decides whom to ask
  localparam ASK    = 3'd2;  // the owner is asked
  localparam ANSWER = 3'd3;  // the owner's answer is awaited
  localparam TELL   = 3'd4;  // the driver is told, and the command is done
  localparam REMIND = 3'd5;  // the driver is told how many commands were taken

  reg [2:0] state;
  reg       ask_lookup, ask_window, ask_grant;
  reg       refused;
  reg [7:0] reason;  // of the refusal; for an offload, its status

  // -------------------------------------------------------------- the command's parts

  wire [7:0]  opcode     = command[`COMMAND_OPCODE];
  wire [15:0] connection = command[`COMMAND_CONNECTION];

  wire [127:0] address = {command[`SET_SOURCE_ADDRESS_ADDRESS_0],
                          command[`SET_SOURCE_ADDRESS_ADDRESS_1],
                          command[`SET_SOURCE_ADDRESS_ADDRESS_2],
                          command[`SET_SOURCE_ADDRESS_ADDRESS_3]};

  wire unused = &{1'b0, command[15:8]};
  // What stands in a register since the cycle before: the command stands from the cycle in IDLE on.
  reg is_offload, is_upload, is_window, is_grant, is_host_frame_grant, is_source, is_destination;
  reg is_named;        // it is of Named Buffers
  reg default_window;  // the offload names no window of its own
  reg zero_window;     // a window of 0 is asked for

  assign lookup_command_valid            = state == ASK && ask_lookup;
  assign lookup_command_insert           = is_offload;
  assign lookup_command_connection       = connection;
  assign lookup_command_source_port      = command[`OFFLOAD_SOURCE_PORT];
  assign lookup_command_destination_port = command[`OFFLOAD_DESTINATION_PORT];
  assign lookup_command_ipv6             = command[`OFFLOAD_IPV6];
  assign lookup_command_receive_next     = command[`OFFLOAD_RECEIVE_NEXT];
  assign lookup_command_indicate_window_size =
    default_window ? indicate_window_size : command[`OFFLOAD_INDICATE_WINDOW_SIZE];

  assign window_command_valid      = state == ASK && ask_window;
  assign window_command_opcode     = opcode;
  assign window_command_connection = connection;
  assign window_command_bytes      = command[`INDICATE_ACKNOWLEDGE_ACKNOWLEDGED_BYTES];

  assign grant_valid      = state == ASK && ask_grant;
  assign grant_host_frame = is_host_frame_grant;
  assign grant_address    = command[`GRANT_ANONYMOUS_BUFFERS_ADDRESS];
  assign grant_first      = command[`GRANT_ANONYMOUS_BUFFERS_FIRST_BUFFER];
  assign grant_count      = command[`GRANT_ANONYMOUS_BUFFERS_COUNT];

  assign command_ready = state == TELL && (!tell || host_event_ready);
  assign number_connection = connection;
  assign number_mark       = command_ready && is_offload && !refused;

  wire sets_window = opcode == `COMMAND_SET_INDICATE_WINDOW_SIZE;
  wire names       = opcode == `COMMAND_POST_NAMED_BUFFER || opcode == `COMMAND_CANCEL_NAMED_BUFFER;

  always @(posedge clk) begin
    is_offload          <= opcode == `COMMAND_OFFLOAD;
    is_upload           <= opcode == `COMMAND_UPLOAD;
    is_named            <= names;
    is_window           <= opcode == `COMMAND_INDICATE_ACKNOWLEDGE || sets_window || names;
    is_grant            <= opcode == `COMMAND_GRANT_ANONYMOUS_BUFFERS
                           || opcode == `COMMAND_GRANT_HOST_FRAME_BUFFERS;
    is_host_frame_grant <= opcode == `COMMAND_GRANT_HOST_FRAME_BUFFERS;
    is_source           <= opcode == `COMMAND_SET_SOURCE_ADDRESS;
    is_destination      <= opcode == `COMMAND_SET_DESTINATION_ADDRESS;
    default_window      <= command[`OFFLOAD_INDICATE_WINDOW_SIZE] == 0;
    zero_window         <= sets_window && command[`SET_INDICATE_WINDOW_SIZE_BYTES] == 0;
  end

  // -------------------------------------------------------------- from command to answer

  wire owner_ready = ask_lookup ? lookup_command_ready
                                : ask_window ? window_command_ready : grant_ready;
  wire may_ask = is_grant || number_in_range && number_used != is_offload
                             && (is_offload || is_upload || is_window && !zero_window);
  wire owner_answers = lookup_answer_valid || window_answer_valid || grant_answer_valid;
  wire unknown       = window_answer_refused && window_answer_reason == `REFUSAL_NOT_OFFLOADED;

  reg [5:0] untold;   // commands taken since the driver was last told their count
  reg       written;  // it was told in the cycle before
  reg       taken;    // a command was taken then or before, and not counted there
  reg       was_taken;

  always @(posedge clk) begin
    {written, was_taken, taken} <= {event_written, command_ready, command_ready || was_taken};
    refused_pulse    <= 1'b0;
    if (written) untold <= {5'd0, taken};

    case (state)
      IDLE: begin
        if (untold >= UNTOLD_MOST) state <= REMIND;
        else if (command_valid && !number_busy) state <= LOOK;
      end
      LOOK: begin
        state      <= may_ask ? ASK : TELL;
        refused    <= !may_ask && !is_source && !is_destination;
        ask_lookup <= is_offload || is_upload;
        ask_window <= is_window;
        ask_grant  <= is_grant;
        if (is_source) lookup_command_source <= address;
        if (is_destination) lookup_command_destination <= address;
        if (is_offload)
          reason <= {5'd0, number_in_range ? `OFFLOAD_STATUS_BUSY : `OFFLOAD_STATUS_BAD_CONNECTION};
        else if (is_upload || is_window)
          reason <= zero_window ? `REFUSAL_ZERO_WINDOW : `REFUSAL_NOT_OFFLOADED;
        else
          reason <= `REFUSAL_UNSUPPORTED;
      end
      ASK, ANSWER: begin
        if (state == ASK && owner_ready) state <= ANSWER;
        if (owner_answers) begin
          state   <= ask_window && unknown ? IDLE : TELL;
          refused <= ask_lookup ? lookup_answer_status != `OFFLOAD_STATUS_OK
                                : ask_window ? window_answer_refused : grant_answer_refused;
          reason  <= is_offload ? {5'd0, lookup_answer_status}
                                : ask_lookup ? `REFUSAL_NOT_OFFLOADED
                                : ask_window ? window_answer_reason : `REFUSAL_BUFFERS_FULL;
        end
      end
      TELL: begin
        refused_pulse <= command_ready && refused && !is_offload;
        if (command_ready) state  <= IDLE;
        if (command_ready) untold <= written ? 6'd1 : untold + 1'b1;
      end
      default: begin
        untold <= 6'd0;
        if (host_event_ready) state <= IDLE;
      end
    endcase

    if (rst) begin
      state         <= IDLE;
      refused_pulse <= 1'b0;
      untold        <= 6'd0;
    end
  end

  wire tell = state == TELL && (refused || is_offload);

  assign host_event_valid = tell || state == REMIND;
  assign host_event[`EVENT_TAKEN]      = 8'd0;
  assign host_event[`EVENT_DETAIL]     = 3'd0;
  assign host_event[`EVENT_CONNECTION] = connection;
  wire [15:0] request = is_named ? command[`POST_NAMED_BUFFER_REQUEST] : 16'd0;
  assign host_event[`EVENT_VALUE] = is_offload ? {24'd0, reason} : {request, reason, opcode};
  assign host_event[`EVENT_KIND]       =
    state == REMIND ? `EVENT_COMMANDS_TAKEN
                    : is_offload ? `EVENT_OFFLOADED : `EVENT_COMMAND_REFUSED;

`ifdef ASSERTIONS
  always @(posedge clk) begin
    if (!rst && state == ASK && {1'b0, ask_lookup} + {1'b0, ask_window} + {1'b0, ask_grant} != 1)
    begin
      $display("command_dispatch: a command has not one owner");
      $stop;
    end
    if (!rst && owner_answers && state != ASK && state != ANSWER) begin
      $display("command_dispatch: an owner answers though it was not asked");
      $stop;
    end
  end
`endif

endmodule

`default_nettype wire
